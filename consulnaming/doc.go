// Package consulnaming watches the healthy instances of a Consul service as a
// naming.Resolver: the consulResolver and consulWatcher that many code bases
// copied from one article, as a package.
//
// [NewConsulResolver] has the article's signature, and its Next does what the
// article's does: ask Consul with the last index, make a set of the answer, return
// deletes and adds if there are any. It differs where the article is wrong:
//
//   - An error is logged and retried, with backoff and jitter; the article
//     dereferenced nil. RPCs without an address show the reason.
//   - An index that is 0 or absurd does not stop the watch, nor make it spin. A
//     Consul that answers at once again and again is asked ten times a second.
//   - The first answer, and one whose index goes back, must be confirmed by the
//     leader. A server that was restarted, or has just come to lead, still reads its
//     log: it answers with old instances, or with none.
//   - A token that was deleted, or lacks the right, is an error, although Consul may
//     answer that there is no instance. While there is none, a right that is given is
//     used within two seconds, also if it is given to the anonymous token.
//   - A token that may see some of the instances gets those. That is logged if Consul
//     says so. It says so only in answer to a query without an index, and never to the
//     anonymous token.
//   - Every query is bounded in time. With [NewConsulResolver] none is sent on a
//     connection on which another has timed out. Close ends the one in flight.
//   - An instance without an address has its node's. IPv6 addresses are joined
//     properly. An instance without a port or any address is left out, with a warning.
//     Two on the same host and port are one address.
//   - Watchers of the same agent, service and settings share one query, however
//     many ClientConns they belong to: an agent allows 200 connections per client
//     (http_max_conns_per_client).
//   - The first Next returns the full set, also when that is empty. Updates are
//     sorted.
//
// [NewBuilder] is the way to today's API: targets such as consul:///service, for any LB
// policy of grpc. What is said of watchers here holds for its resolvers, too.
//
// Each shared query has one goroutine. It starts with the first Next of the first
// watcher, and ends with the Close of the last. Each watcher's Next returns what
// has changed since its last one.
//
// See https://developer.hashicorp.com/consul/api-docs/features/blocking for
// blocking queries. Package consultest, beside this one, stands in for a Consul
// agent in tests.
package consulnaming
