package consultest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// A registration is the body of PUT /v1/agent/service/register.
type registration struct {
	ID              string
	Name            string
	Tags            []string
	Address         string
	Port            int
	TaggedAddresses map[string]serviceAddress
	Meta            map[string]string
	Weights         *weights
	Check           *checkDefinition
	Checks          []*checkDefinition
}

type serviceAddress struct {
	Address string
	Port    int
}

type weights struct{ Passing, Warning int }

// A checkDefinition is a check within a registration, or the body of
// PUT /v1/agent/check/register.
type checkDefinition struct {
	ID        string // only in a body of its own
	ServiceID string // only in a body of its own

	CheckID                        string
	Name                           string
	Notes                          string
	Status                         string
	TTL                            duration
	GRPC                           string
	Interval                       duration
	Timeout                        duration
	DeregisterCriticalServiceAfter duration
}

// A checkUpdate is the body of PUT /v1/agent/check/update/:id.
type checkUpdate struct{ Status, Output string }

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

func (r *registration) UnmarshalJSON(b []byte) error {
	type plain registration // without this method
	if err := refuseUnknown(b, reflect.TypeFor[plain](), "a service registration"); err != nil {
		return err
	}
	return json.Unmarshal(b, (*plain)(r))
}

func (d *checkDefinition) UnmarshalJSON(b []byte) error {
	type plain checkDefinition
	if err := refuseUnknown(b, reflect.TypeFor[plain](), "a check"); err != nil {
		return err
	}
	return json.Unmarshal(b, (*plain)(d))
}

// refuseUnknown returns an error for a field that typ lacks, unless its value
// is empty: a newer package api may send such fields with every request.
func refuseUnknown(b []byte, typ reflect.Type, what string) error {
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	for name, value := range fields {
		_, known := typ.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
		if !known && !empty(value) {
			return unsupported("the field %s of %s", name, what)
		}
	}
	return nil
}

func empty(value any) bool {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

func decodeError(err error) error {
	if refused := (*httpError)(nil); errors.As(err, &refused) {
		return refused
	}
	return &httpError{http.StatusBadRequest, fmt.Sprintf("Request decode failed: %v", err)}
}

func invalid(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}
