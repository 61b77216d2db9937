package consultest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// A registration is the body of PUT /v1/agent/service/register, as far as it is
// supported.
type registration struct {
	ID              string
	Name            string
	Tags            []string
	Address         string
	Port            int
	TaggedAddresses map[string]api.ServiceAddress
	Meta            map[string]string
	Weights         *api.AgentWeights
	Check           *checkDefinition
	Checks          []*checkDefinition
}

// A checkDefinition is a check within a registration, or the body of
// PUT /v1/agent/check/register, as far as it is supported.
type checkDefinition struct {
	ID, ServiceID                      string // only in a body of its own
	CheckID, Name, Notes, Status, GRPC string
	TTL, Interval, Timeout             duration
	DeregisterCriticalServiceAfter     duration
}

// A duration is "10s", or a number of nanoseconds.
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		return json.Unmarshal(b, (*int64)(d))
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	value, err := time.ParseDuration(text)
	*d = duration(value)
	return err
}

func (d duration) text() string {
	if d == 0 {
		return ""
	}
	return time.Duration(d).String()
}

func (r *registration) UnmarshalJSON(b []byte) error {
	type plain registration // without this method
	return decodeKnown(b, (*plain)(r), "a service registration")
}

func (d *checkDefinition) UnmarshalJSON(b []byte) error {
	type plain checkDefinition
	return decodeKnown(b, (*plain)(d), "a check")
}

// decodeKnown decodes b into v, a pointer to a struct. A field that the struct
// lacks is an error, unless its value is empty: a newer package api may send such
// fields with every request.
func decodeKnown(b []byte, v any, what string) error {
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	for name, value := range fields {
		_, known := reflect.TypeOf(v).Elem().FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
		if !known && !empty(value) {
			return unsupported("the field %s of %s", name, what)
		}
	}
	return json.Unmarshal(b, v)
}

// empty says so of what was decoded from JSON.
func empty(value any) bool {
	v := reflect.ValueOf(value)
	return !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// service checks what is registered and fills in what Consul fills in.
func (r *registration) service() (*api.AgentService, error) {
	if r.Name == "" {
		return nil, invalid("Missing service name")
	}
	ip, ipErr := netip.ParseAddr(strings.Trim(r.Address, "[]"))
	if ipErr == nil && ip.IsUnspecified() {
		return nil, invalid("Invalid service address")
	}
	weights := api.AgentWeights{Passing: 1, Warning: 1}
	if r.Weights != nil {
		weights = *r.Weights
	}
	const most = 1<<16 - 1
	if weights.Passing < 1 || weights.Passing > most || weights.Warning < 0 || weights.Warning > most {
		return nil, invalid("Invalid Weights: Passing is %d and Warning %d, want 1 to %d and 0 to %[3]d", weights.Passing, weights.Warning, most)
	}
	if err := checkMeta(r.Meta); err != nil {
		return nil, err
	}
	s := &api.AgentService{
		ID:              cmp.Or(r.ID, r.Name),
		Service:         r.Name,
		Tags:            append([]string{}, r.Tags...),
		Address:         r.Address,
		Port:            r.Port,
		TaggedAddresses: maps.Clone(r.TaggedAddresses),
		Meta:            r.Meta,
		Weights:         weights,
	}
	if ipErr != nil {
		return s, nil
	}
	// An IP address is also entered under the names of its family.
	family := "_ipv4"
	if ip.Is6() {
		family = "_ipv6"
	}
	if s.TaggedAddresses == nil {
		s.TaggedAddresses = make(map[string]api.ServiceAddress)
	}
	for _, name := range []string{"lan" + family, "wan" + family} {
		if _, given := s.TaggedAddresses[name]; !given {
			s.TaggedAddresses[name] = api.ServiceAddress{Address: r.Address, Port: r.Port}
		}
	}
	return s, nil
}

var metaKey = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)

func checkMeta(meta map[string]string) error {
	if len(meta) > 64 {
		return invalid("Invalid Service Meta: %d pairs, the limit is 64", len(meta))
	}
	for key, value := range meta {
		if !metaKey.MatchString(key) || strings.HasPrefix(key, "consul-") || len(value) > 512 {
			return invalid("Invalid Service Meta: %q = %q: a key is up to 128 letters, digits, _ and -, and does not begin with consul-; a value has up to 512 bytes", key, value)
		}
	}
	return nil
}

// checks makes the checks of a registration, with the IDs that Consul gives
// them: service:ID for the only one, service:ID:1 and so on for several.
func (r *registration) checks(s *api.AgentService) ([]*check, error) {
	var checks []*check
	definitions := slices.DeleteFunc(slices.Clone(r.Checks), func(d *checkDefinition) bool { return d == nil })
	if r.Check != nil && *r.Check != (checkDefinition{}) {
		definitions = slices.Insert(definitions, 0, r.Check)
	}
	for i, d := range definitions {
		if d.ID != "" || d.ServiceID != "" {
			return nil, unsupported("ID or ServiceID of a check within a service registration")
		}
		if d.Status != "" && !validStatus(d.Status) {
			return nil, invalid("Status for checks must 'passing', 'warning', 'critical'")
		}
		id := "service:" + s.ID
		if len(definitions) > 1 {
			id += fmt.Sprintf(":%d", i+1)
		}
		ck, err := newCheck(d, cmp.Or(d.CheckID, id), cmp.Or(d.Name, checkName(s)), s.ID)
		if err != nil {
			return nil, err
		}
		checks = append(checks, ck)
	}
	return checks, nil
}

func checkName(s *api.AgentService) string { return fmt.Sprintf("Service '%s' check", s.Service) }

func decodeError(err error) error {
	if refused := (*httpError)(nil); errors.As(err, &refused) {
		return refused
	}
	return invalid("Request decode failed: %v", err)
}

func invalid(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func unknown(what, id string) error {
	return &httpError{http.StatusNotFound, fmt.Sprintf("Unknown %s ID %q. Ensure that the %[1]s ID is passed, not the %[1]s name.", what, id)}
}
