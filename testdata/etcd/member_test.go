package etcd

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/embed"
)

// memberEnv makes a member of the test binary. What it is to be are its arguments.
const memberEnv = "GRPCNAMING_ETCD_MEMBER"

var etcdVersion = version.Version

// runMember is a member until its standard input ends: with the test, or before.
func runMember(name, dir, clientURL, peerURL, cluster string) error {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = name, dir, cluster
	cfg.LogLevel = "error"
	cfg.ClientAutoTLS = strings.HasPrefix(clientURL, "https:")
	cfg.UnsafeNoFsync = true // what the kernel has outlives a SIGKILL
	var err error
	if cfg.ListenClientUrls, err = urls(clientURL); err != nil {
		return err
	}
	if cfg.ListenPeerUrls, err = urls(peerURL); err != nil {
		return err
	}
	cfg.AdvertiseClientUrls, cfg.AdvertisePeerUrls = cfg.ListenClientUrls, cfg.ListenPeerUrls
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	select {
	case <-e.Server.ReadyNotify():
		fmt.Println("ready")
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		return fmt.Errorf("member %s is not ready after a minute", name)
	}
	select {
	case err := <-ended:
		return err
	case err := <-e.Err():
		return err
	}
}

func urls(one string) ([]url.URL, error) {
	u, err := url.Parse(one)
	if err != nil {
		return nil, err
	}
	return []url.URL{*u}, nil
}
