package main

import "fmt"

// page is docs/bench.md.
func (d *data) page() string {
	return fmt.Sprintf(`# Benchmarks

Written by %[1]smake bench && make bench-report%[1]s; see [testdata/bench](../testdata/bench/README.md). Measured on %[2]s,
%[3]s cores, %[4]s/%[5]s, with %[6]s, grpc-go %[7]s against v1.29.1, Consul %[8]s, at commit %[9]s. Each figure is the
median of the rounds, in which the implementations take turns; ± and [ ] are its 95 %% confidence interval. Ratios are
taken round by round. "native" is grpc's own round_robin under a resolver written by hand.

## What was expected

%[10]s
## RPCs

Unary, to servers in another process, over loopback.

%[11]s
![Latency of RPCs](bench/rpc.svg)

## Picks

What grpc calls for each RPC, on connections that are always ready; beside it RoundRobin's Get without a ClientConn.

%[12]s
## Folding

From Start until the whole list has come out of Notify. Whoever reads while it grows is sent lists all the time, as fast as
he takes them. A process that holds nothing else also collects garbage at each fold of 10,000; GOGC=1600 shows how much of
the time that is.

%[13]s
![Folding](bench/fold.svg)

## ClientConns in one process

One service of 1,000 instances at a real Consul with its default limit of 200 connections, and changes of one instance.
Connections stay Connecting. "without addresses" counts ClientConns that never got any; those are not part of the other
figures. "native" shares one query among all: it is what grpc itself costs. "NewBuilder" is consulnaming's; mbobakov and
simplesurance are the other Consul resolvers for grpc-go: [docs/peers.md](peers.md) has their versions, and what they do under
faults. Memory is heap and stacks. CPU has the garbage collections that fell into the changes, which may be none where little
is allocated beside much that is in use.

%[14]s
Watchers alone, without ClientConns:

%[15]s
![CPU per change](bench/cpu.svg)

![Memory](bench/memory.svg)

## From Consul to RPCs

From the call of ServiceRegister to the end of the first RPC on the new backend, and from the call of ServiceDeregister
to the end of the last on the old one, beside a resolver written by hand: the same blocking query, UpdateState,
nothing more.

%[16]s
![Propagation](bench/propagation.svg)

## Next

One change among 5,000 instances: from the agent's knowing to the client's, its answer recorded from a real Consul. The
query alone is package api's Health().Service.

%[17]s`, "`", d.config["cpu"], d.config["cores"], d.config["goos"], d.config["goarch"], d.config["go"], d.config["grpc"], d.config["consul"], d.config["commit"],
		d.expectedTable(), d.rpcTable(), d.pickTable(), d.foldTable(),
		d.clientsTable("Conns", "ClientConns", "ours", "NewBuilder", "article", "native", "mbobakov", "simplesurance"), d.clientsTable("Watchers", "watchers", "ours", "article"),
		d.propagationTable(), d.nextTable())
}
