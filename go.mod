module github.com/grpcnaming/grpcnaming

go 1.25.0

require (
	github.com/cenkalti/backoff/v5 v5.0.2
	github.com/hashicorp/consul/api v1.20.0
	github.com/miekg/dns v1.1.41
	github.com/rogpeppe/go-internal v1.13.1
	go.uber.org/goleak v1.3.0
	golang.org/x/mod v0.22.0
	golang.org/x/term v0.27.0
	golang.org/x/time v0.5.0
	golang.org/x/tools v0.28.0
	google.golang.org/grpc v1.63.3
)

require (
	github.com/armon/go-metrics v0.0.0-20180917152333-f0300d1749da // indirect
	github.com/fatih/color v1.9.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.1 // indirect
	github.com/hashicorp/go-hclog v0.12.0 // indirect
	github.com/hashicorp/go-immutable-radix v1.0.0 // indirect
	github.com/hashicorp/go-rootcerts v1.0.2 // indirect
	github.com/hashicorp/golang-lru v0.5.4 // indirect
	github.com/hashicorp/serf v0.10.1 // indirect
	github.com/mattn/go-colorable v0.1.6 // indirect
	github.com/mattn/go-isatty v0.0.12 // indirect
	github.com/mitchellh/go-homedir v1.1.0 // indirect
	github.com/mitchellh/mapstructure v1.4.1 // indirect
	golang.org/x/net v0.32.0 // indirect
	golang.org/x/sync v0.10.0 // indirect
	golang.org/x/sys v0.28.0 // indirect
	golang.org/x/text v0.21.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20240528184218-531527333157 // indirect
	google.golang.org/protobuf v1.34.1 // indirect
)
