package addrset

import (
	"reflect"
	"strings"
	"sync"
)

// Same says whether two Metadata have equal content. What == calls
// equal is equal, without a look inside; what == would panic on (a map, a
// slice, a struct that holds one) or tells apart (two pointers) is compared by
// content. A function, other than nil, equals nothing, not even itself. What a
// pointer leads to is not looked at if there is a lock in it: it changes while
// others read it, and the pointer is what tells it from another, as in v1.29.1.
func Same(a, b interface{}) bool {
	if a == nil && b == nil { // as nearly always
		return true
	}
	if comparableBoth(a, b) {
		if a == b {
			return true
		}
		if t := reflect.TypeOf(a); t != nil && t.Kind() == reflect.Pointer && guarded(t) {
			return false
		}
	}
	return reflect.DeepEqual(a, b)
}

var guardedTypes sync.Map // reflect.Type to bool

// guarded says whether values of type t lead to what packages sync and sync/atomic
// have, as far as types tell.
func guarded(t reflect.Type) bool {
	if known, ok := guardedTypes.Load(t); ok {
		return known.(bool)
	}
	seen := make(map[reflect.Type]bool)
	var look func(reflect.Type) bool
	look = func(t reflect.Type) bool {
		if seen[t] {
			return false
		}
		seen[t] = true
		if p := t.PkgPath(); p == "sync" || strings.HasPrefix(p, "sync/") {
			return true
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			return look(t.Elem())
		case reflect.Map:
			return look(t.Key()) || look(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				if look(t.Field(i).Type) {
					return true
				}
			}
		}
		return false
	}
	found := look(t)
	guardedTypes.Store(t, found)
	return found
}

// Identical says whether a and b, of equal content, cannot be told apart by ==
// either.
func Identical(a, b interface{}) bool {
	return !comparableBoth(a, b) || a == b
}

// comparableBoth says whether a == b does not panic.
func comparableBoth(a, b interface{}) bool {
	if a == nil || b == nil {
		return true
	}
	t := reflect.TypeOf(a)
	if t != reflect.TypeOf(b) || t.Kind() == reflect.Pointer {
		return true
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable()
}
