package consulnaming

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
)

// All that an Instance tells of is there with either client, however much of the answer
// is decoded, and a change of any of it is a new State.
func TestInstanceOf(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		for name, way := range ways(a) {
			for _, rest := range []string{"", "?passing=false", "?health=warning"} {
				t.Run(name+rest, func(t *testing.T) {
					s := strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(t.Name())
					described(t, a, s, "a", "10.0.0.1", map[string]string{"zone": "a"})
					cc, _ := resolving(t, way.builder, way.target+s+rest)
					state := cc.expect(t, "10.0.0.1:80")
					got := instanceAt(t, state, "10.0.0.1:80")
					entries, _, err := a.Client().Health().Service(s, "", false, nil)
					if err != nil {
						t.Fatal(err)
					}
					want := Instance{
						Node: entries[0].Node.Node, ID: s + "-a", Datacenter: "dc1", Tags: []string{"v1", "eu"},
						Meta: map[string]string{"zone": "a"}, NodeMeta: entries[0].Node.Meta, Weight: 7,
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%+v, want %+v", got, want)
					}
					if of, ok := InstanceOf(state.Endpoints[0].Attributes); !ok || !reflect.DeepEqual(of, want) {
						t.Errorf("of the endpoint: %+v, %v", of, ok)
					}
					described(t, a, s, "a", "10.0.0.1", map[string]string{"zone": "b"})
					if i := instanceAt(t, cc.expect(t, "10.0.0.1:80"), "10.0.0.1:80"); i.Meta["zone"] != "b" {
						t.Errorf("after a change: %+v", i)
					}
				})
			}
		}
	})
	for _, a := range []*attributes.Attributes{nil, attributes.New("a", "b")} {
		if i, ok := InstanceOf(a); ok || !reflect.DeepEqual(i, Instance{}) {
			t.Errorf("%v has %+v", a, i)
		}
	}
}

// The weight is the one of the state that the instance is in.
func TestWeights(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		described(t, a, s, "a", "10.0.0.1", nil) // 7, and 3 with a warning
		cc, _ := resolving(t, NewBuilder(PassingOnly(false)), "consul://"+a.Address()+"/"+s)
		weight := func() int { return instanceAt(t, cc.expect(t, "10.0.0.1:80"), "10.0.0.1:80").Weight }
		if got := weight(); got != 7 {
			t.Errorf("passing: %d", got)
		}
		for _, step := range []struct {
			state string
			want  int
		}{{api.HealthWarning, 3}, {api.HealthCritical, 0}, {api.HealthPassing, 7}} {
			if err := a.Client().Agent().UpdateTTL(s+"-a", "", step.state); err != nil {
				t.Fatal(err)
			}
			if got := weight(); got != step.want {
				t.Errorf("%s: %d, want %d", step.state, got, step.want)
			}
		}
		register(t, a, s, "b", "10.0.0.2", 80) // says nothing of weights
		if got := instanceAt(t, cc.expect(t, "10.0.0.1:80 10.0.0.2:80"), "10.0.0.2:80").Weight; got != 1 {
			t.Errorf("without weights: %d, want 1", got)
		}
	})
	// In maintenance, as in Consul's DNS; and an agent that knows no weights.
	e := &api.ServiceEntry{Node: &api.Node{}, Service: &api.AgentService{}}
	if got := weightOf(e); got != 1 {
		t.Errorf("an agent without weights: %d, want 1", got)
	}
	e.Checks = api.HealthChecks{{CheckID: api.NodeMaint, Status: api.HealthCritical}}
	if got := weightOf(e); got != 0 {
		t.Errorf("in maintenance: %d, want 0", got)
	}
}

// Each field decides, and where the strings are does not.
func TestInstancesAreCompared(t *testing.T) {
	base := func() *Instance {
		return &Instance{Node: "n", ID: "i", Datacenter: "d", Tags: []string{"t"}, Meta: map[string]string{"a": "b"}, NodeMeta: map[string]string{"c": "d"}, Weight: 1}
	}
	of := func(i *Instance) *attributes.Attributes { return attributes.New(instanceKey{}, attribute{i}) }
	if !of(base()).Equal(of(base())) {
		t.Error("equal ones are not")
	}
	fields := reflect.TypeFor[Instance]()
	for n := range fields.NumField() {
		other := base()
		switch f := reflect.ValueOf(other).Elem().Field(n); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Int:
			f.SetInt(2)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"t", "x"}))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"x": "y"}))
		}
		if of(base()).Equal(of(other)) || of(other).Equal(of(base())) {
			t.Errorf("another %s makes no difference", fields.Field(n).Name)
		}
	}
	if of(base()).Equal(of(nil)) || of(nil).Equal(of(base())) || !of(nil).Equal(of(nil)) || of(base()).Equal(attributes.New(instanceKey{}, 1)) {
		t.Error("what is none is equal to one")
	}
	if text := of(base()).String(); !strings.Contains(text, "n/i") || strings.Contains(text, "0x") {
		t.Errorf("grpc logs %s", text)
	}
}

type zoneKey struct{}

// An EndpointFunc sees each instance, and grpc gets what it returns.
func TestEndpointFunc(t *testing.T) {
	s := standIn(t)
	described(t, s, "svc", "a", "10.0.0.1", map[string]string{"zone": "a"})
	described(t, s, "svc", "b", "10.0.0.2", map[string]string{"zone": "none"})
	described(t, s, "svc", "c", "10.0.0.3", map[string]string{"zone": "two"})
	described(t, s, "svc", "d", "10.0.0.4", map[string]string{"zone": "panic"})
	described(t, s, "svc", "e", "10.0.0.5", map[string]string{"zone": "own"})
	own := attributes.New(zoneKey{}, "of an address")
	option := EndpointFunc(func(i Instance, e resolver.Endpoint) resolver.Endpoint {
		switch i.Meta["zone"] {
		case "none":
			e.Addresses = nil
		case "two":
			e.Addresses = append(e.Addresses, resolver.Address{Addr: "10.0.3.3:80", ServerName: "name"})
		case "panic":
			panic("ouch")
		case "own":
			e.Addresses[0].BalancerAttributes = own
		}
		e.Attributes = e.Attributes.WithValue(zoneKey{}, i.Meta["zone"])
		return e
	})
	for name, opts := range map[string][]Option{"shared list": {option}, "own list": {option, AddressFunc(serviceAddress)}} {
		t.Run(name, func(t *testing.T) {
			one, r := resolving(t, NewBuilderWithClient(s.Client(), opts...), "consul:///svc")
			defer r.Close()
			state := one.state(t)
			var got []string
			for _, a := range state.Addresses {
				zone, _ := a.BalancerAttributes.Value(zoneKey{}).(string)
				got = append(got, a.Addr+a.ServerName+"="+zone)
			}
			const want = "10.0.0.1:80=a 10.0.0.3:80=two 10.0.3.3:80name=two 10.0.0.5:80=of an address"
			if text := strings.Join(got, " "); text != want || len(state.Endpoints) != 3 {
				t.Errorf("Addresses %s, want %s; Endpoints %v", text, want, state.Endpoints)
			}
			for _, e := range state.Endpoints {
				if i, ok := InstanceOf(e.Attributes); !ok || e.Attributes.Value(zoneKey{}) != i.Meta["zone"] {
					t.Errorf("an endpoint has %v", e.Attributes)
				}
			}
		})
	}
	// Those that share an answer, and who has none of it any more, say it once.
	resolvers := make([]resolver.Resolver, 0, 10)
	b := NewBuilderWithClient(s.Client(), option, KeepLastKnown())
	log := logged.Mark()
	for range cap(resolvers) {
		cc, r := resolving(t, b, "consul:///svc")
		cc.state(t)
		resolvers = append(resolvers, r)
	}
	if n := strings.Count(log(), `svc-d" is left out: the EndpointFunc panicked: ouch`); n != 1 {
		t.Errorf("%d lines about the panic, want one: %s", n, log())
	}
	for _, r := range resolvers {
		r.Close()
	}
}
