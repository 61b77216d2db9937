package adapter

import "testing"

// RPCs work whatever the target looks like: the resolver alone makes sense of
// it. TestContractTargetVerbatim shows that it gets the bytes.
func TestShapeTargets(t *testing.T) {
	for _, target := range []string{
		"",
		"name",
		"a/b/c",
		"/a/b/c",
		"host:443",
		"h1:1,h2:2",
		"127.0.0.1:8500",
		"127.0.0.1:2379,127.0.0.1:22379",
		"[::1]:2379",
		"kubernetes://svc.ns:8080",
		"kubernetes:///svc.ns:8080",
		"etcd://etcd.test:2379/svc/v1",
		"consul://127.0.0.1:8500/svc",
		"http://127.0.0.1:2379",
		"https://user:password@etcd.test:2379/v2/keys/svc/",
		"svc?tag=a&wait=14s",
		"svc#v1",
		"svc?tag=%2Fa#frag%20ment",
		"a%2Fb%20c",
		"größe/日本",
		"svc with spaces",
		"passthrough:///svc",
		"dns:///svc",
		"dns:///svc.test:443?x=%41",
	} {
		t.Run(target, func(t *testing.T) {
			b := startBackends(t, 2)
			conn := dial(t, target, WithBalancer(RoundRobin(fixedResolver(addrsOf(b...)))))
			callAll(t, conn, b...)
		})
	}
}
