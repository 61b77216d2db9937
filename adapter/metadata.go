package adapter

import "reflect"

// sameMetadata says whether two Metadata have equal content. What == calls
// equal is equal, without a look inside; what == would panic on (a map, a
// slice, a struct that holds one) or tells apart (two pointers) is compared by
// content.
func sameMetadata(a, b interface{}) bool {
	ta := reflect.TypeOf(a)
	if ta != reflect.TypeOf(b) {
		return false
	}
	if ta == nil {
		return true
	}
	if ta.Comparable() && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b {
		return true
	}
	return reflect.DeepEqual(a, b)
}
