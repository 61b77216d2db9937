package consulagent

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeConfig writes the agent's configuration into dir and returns the files
// in the order in which they apply.
func writeConfig(dir, node string, p ports, cfg Config) ([]string, error) {
	https := -1
	if cfg.HTTPS {
		https = p.https
	}
	base := fmt.Sprintf(`
node_name   = %q
bind_addr   = "127.0.0.1"
client_addr = "127.0.0.1"
ports {
  http     = %d
  https    = %d
  server   = %d
  serf_lan = %d
  serf_wan = -1
  dns      = -1
  grpc     = -1
  grpc_tls = -1
}

# Nothing leaves this machine, and nothing runs that nobody asks.
disable_update_check        = true
disable_anonymous_signature = true
ui_config { enabled = false }
connect   { enabled = false }
peering   { enabled = false }

# A check's new output is seen at once, not after minutes.
check_update_interval = "0s"

# Tests hold many blocking queries; the default is 200 connections per client.
limits { http_max_conns_per_client = 10000 }
`, node, p.http, https, p.server, p.serf)

	if cfg.Token != "" {
		// The agent registers itself with it.
		base += fmt.Sprintf("\nacl { tokens { agent = %q } }\n", cfg.Token)
	}
	if !cfg.inMemory() {
		base += fmt.Sprintf("\ndata_dir = %q\nserver = %v\n", filepath.Join(dir, "data"), !cfg.join.isClient())
		if !cfg.join.isClient() {
			// As fast as -dev: a leader is missed after half a second. A server that is
			// dead stays a voter: after some seconds autopilot would remove it, and when
			// it is back the others cannot do without one another until it has been
			// there for ten seconds.
			base += fmt.Sprintf("bootstrap_expect = %d\nperformance { raft_multiplier = 1 }\nautopilot { cleanup_dead_servers = false }\n", cfg.join.servers())
		}
	}
	if cfg.join != nil {
		base += fmt.Sprintf("retry_join = [%s]\nretry_interval = \"200ms\"\n", cfg.join.addresses())
	}
	files := []string{filepath.Join(dir, "1-base.hcl"), filepath.Join(dir, "2-extra.hcl")}
	for i, content := range []string{base, cfg.ExtraHCL} {
		if err := os.WriteFile(files[i], []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// inMemory says whether the agent is one of consul agent -dev.
func (cfg Config) inMemory() bool { return !cfg.Persistent && cfg.join == nil }

// mode is the command line in front of the configuration files.
func (cfg Config) mode() []string {
	if cfg.inMemory() {
		return []string{"agent", "-dev"}
	}
	return []string{"agent"}
}
