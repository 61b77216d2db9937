// Package consultest provides a stand-in for a Consul agent, for tests, in the
// manner of net/http/httptest: an HTTP server in this process, on a loopback
// port of its own, with a catalogue that starts empty.
//
//	agent := consultest.NewServer()
//	defer agent.Close()
//	agent.Register(api.AgentServiceRegistration{Name: "web", Address: "127.0.0.1", Port: 8080})
//	// hand agent.Address() to the code under test
//
// The official client, github.com/hashicorp/consul/api, works against it
// unchanged for what service registration and discovery need:
//
//   - services: register, deregister, list (/v1/agent/service/..., /v1/agent/services)
//   - checks of a service: TTL checks, and gRPC checks that are really carried
//     out (/v1/agent/check/...)
//   - health queries with passing, tag and blocking (/v1/health/service/:name),
//     as described on
//     https://developer.hashicorp.com/consul/api-docs/features/blocking
//   - /v1/agent/self and /v1/status/leader
//
// The same conformance tests run against this package and against a real agent.
// What is not supported (filter, namespaces, partitions, peers, other kinds of
// checks, the rest of Consul's API) is never ignored: the answer is an HTTP error that
// names it.
//
// # Faults
//
// [Server.Inject] puts a [Fault] in front of health queries, and there are
// methods for a restart ([Server.Reset]), broken connections
// ([Server.DropConnections]), and a token ([Server.SetToken]). [Server.Await]
// waits, without polling, until the code under test has sent a query or is
// blocked in one.
//
// # Differences from a real agent
//
//   - A change is visible as soon as the call that made it has returned.
//   - gRPC checks start at once and run at their Interval, however short; a
//     real agent waits at least a second between two runs.
//   - DeregisterCriticalServiceAfter is exact; a real agent takes at least a
//     minute.
//   - With SetToken, a request without a token is refused; a real agent answers
//     health queries of the anonymous token with an empty list.
package consultest
