package consultest

import (
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
)

// A service is an instance in the catalogue. Its maps and slices are never
// changed, so that answers may share them.
type service struct {
	id, name        string
	tags            []string
	address         string
	port            int
	taggedAddresses map[string]serviceAddress
	meta            map[string]string
	weights         weights

	create, modify uint64
}

// newService checks a registration and fills in what Consul fills in.
func newService(r registration) (*service, error) {
	if r.Name == "" {
		return nil, invalid("Missing service name")
	}
	ip, ipErr := netip.ParseAddr(strings.Trim(r.Address, "[]"))
	if ipErr == nil && ip.IsUnspecified() {
		return nil, invalid("Invalid service address")
	}
	w := weights{Passing: 1, Warning: 1}
	if r.Weights != nil {
		w = *r.Weights
	}
	const maxWeight = 1<<16 - 1
	if w.Passing < 1 || w.Passing > maxWeight || w.Warning < 0 || w.Warning > maxWeight {
		return nil, invalid("Invalid Weights: Passing is %d and Warning %d, want 1 to %d and 0 to %[3]d", w.Passing, w.Warning, maxWeight)
	}
	if err := checkMeta(r.Meta); err != nil {
		return nil, err
	}
	s := &service{
		id:              r.ID,
		name:            r.Name,
		tags:            append([]string{}, r.Tags...),
		address:         r.Address,
		port:            r.Port,
		taggedAddresses: maps.Clone(r.TaggedAddresses),
		meta:            r.Meta,
		weights:         w,
	}
	if s.id == "" {
		s.id = s.name
	}
	if ipErr == nil {
		// An IP address is also entered under the names of its family.
		names := []string{"lan_ipv4", "wan_ipv4"}
		if ip.Is6() {
			names = []string{"lan_ipv6", "wan_ipv6"}
		}
		if s.taggedAddresses == nil {
			s.taggedAddresses = make(map[string]serviceAddress)
		}
		for _, name := range names {
			if _, given := s.taggedAddresses[name]; !given {
				s.taggedAddresses[name] = serviceAddress{r.Address, r.Port}
			}
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

// same reports whether a re-registration changes nothing.
func (s *service) same(other *service) bool {
	a, b := *s, *other
	a.create, a.modify, b.create, b.modify = 0, 0, 0, 0
	return reflect.DeepEqual(a, b)
}

// hasTags reports whether the service has all tags, in any case of letters.
func (s *service) hasTags(tags []string) bool {
	for _, want := range tags {
		found := false
		for _, tag := range s.tags {
			found = found || strings.EqualFold(tag, want)
		}
		if !found {
			return false
		}
	}
	return true
}
