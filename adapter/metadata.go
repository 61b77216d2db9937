package adapter

import "reflect"

// sameMetadata says whether two Metadata have equal content. What == calls
// equal is equal, without a look inside; what == would panic on (a map, a
// slice, a struct that holds one) or tells apart (two pointers) is compared by
// content. A function, other than nil, equals nothing, not even itself.
func sameMetadata(a, b interface{}) bool {
	if a == nil && b == nil { // as nearly always
		return true
	}
	return equalOperands(a, b) && a == b || reflect.DeepEqual(a, b)
}

// same says whether a and b are the same address.
func (a Address) same(b Address) bool {
	return a.Addr == b.Addr && sameMetadata(a.Metadata, b.Metadata)
}

// identical says whether a and b, of equal content, cannot be told apart by ==
// either.
func identical(a, b interface{}) bool {
	return !equalOperands(a, b) || a == b
}

// equalOperands says whether a == b does not panic.
func equalOperands(a, b interface{}) bool {
	if a == nil || b == nil {
		return true
	}
	t := reflect.TypeOf(a)
	if t != reflect.TypeOf(b) || t.Kind() == reflect.Pointer {
		return true
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable()
}
