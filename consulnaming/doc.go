// Package consulnaming watches the healthy instances of a Consul service as a
// naming.Resolver: the consulResolver and consulWatcher that many code bases
// copied from one article, as a package.
//
// [NewConsulResolver] has the article's signature, and its Next the article's
// shape: ask Consul with the last index, make a set of the answer, return
// deletes and adds if there are any. Where the article is wrong, this is not:
//
//   - an error is logged and retried with backoff and jitter instead of
//     dereferencing nil; RPCs without an address show the reason
//   - an index that is 0 or absurd does not stop or spin the watch, and a Consul that
//     answers at once again and again is asked ten times a second
//   - the first answer, and one whose index goes back, counts when the leader confirms
//     it: a server that was restarted, or has come to lead, answers while it still
//     reads its log, with instances of long ago or none
//   - a token that is deleted or lacks the right is an error, though Consul may
//     then answer that there is no instance; a right that is given is used within
//     two seconds while there is none, be it the anonymous token's; one that may see
//     some of the instances gets those, which is logged if Consul says so: not to the
//     anonymous token, and to others when it answers a query without an index
//   - every query is bounded in time, and with [NewConsulResolver] none is sent on a
//     connection on which another has timed out; Close ends the one in flight
//   - an instance without an address of its own has its node's; IPv6 addresses
//     are joined properly; one without port or any address is left out with a
//     warning; two on the same host and port are one address
//   - watchers of the same agent, service and settings share one query, however
//     many ClientConns they belong to: an agent allows 200 connections per client
//     (http_max_conns_per_client)
//   - the first Next returns the full set, also when that is empty; updates are
//     sorted
//
// One goroutine runs per query that is shared. It starts with the first Next of
// the first watcher, and ends with the Close of the last; each watcher keeps its
// own view, and returns from Next what changed since its last one.
//
// See https://developer.hashicorp.com/consul/api-docs/features/blocking for
// blocking queries. Package consultest, beside this one, stands in for a Consul
// agent in tests.
package consulnaming
