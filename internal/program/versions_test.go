package program

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestLowest(t *testing.T) {
	for _, c := range []struct{ name, versions, do, want string }{
		{"none there", "", "", ""},
		{"none does", "v1.0.0 v1.1.0 v1.2.0", "", ""},
		{"all do", "v1.0.0 v1.1.0 v1.2.0", "v1.0.0 v1.1.0 v1.2.0", "v1.0.0"},
		{"the last alone", "v1.0.0 v1.1.0 v1.2.0", "v1.2.0", "v1.2.0"},
		{"a patch in the middle", "v1.0.0 v1.1.0 v1.1.1 v1.1.2 v1.2.0", "v1.1.1 v1.1.2 v1.2.0", "v1.1.1"},
		{"the last does not any more", "v1.0.0 v1.1.0 v1.1.1 v1.2.0 v1.2.1", "v1.1.0 v1.1.1", "v1.1.0"},
		{"pseudo-versions", "v0.0.0-20200101000000-aaaaaaaaaaaa v0.0.0-20210101000000-bbbbbbbbbbbb v0.0.0-20220101000000-cccccccccccc",
			"v0.0.0-20210101000000-bbbbbbbbbbbb", "v0.0.0-20210101000000-bbbbbbbbbbbb"},
	} {
		do := strings.Fields(c.do)
		got, err := lowest(strings.Fields(c.versions), func(v string) (bool, error) { return slices.Contains(do, v), nil })
		if got != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	failure := errors.New("no network")
	if _, err := lowest([]string{"v1.0.0"}, func(string) (bool, error) { return false, failure }); !errors.Is(err, failure) {
		t.Errorf("the error is lost: %v", err)
	}
}

// Of many versions only a few are tried: each may be a download and a build.
func TestLowestTriesFew(t *testing.T) {
	var versions []string
	for i := range 200 {
		versions = append(versions, "v0."+string(rune('0'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10))+".0")
	}
	tries := 0
	got, err := lowest(versions, func(v string) (bool, error) {
		tries++
		return v >= versions[150], nil
	})
	if got != versions[150] || err != nil || tries > 9 {
		t.Errorf("%q, %v after %d tries", got, err, tries)
	}
}

func TestAboveAndMinors(t *testing.T) {
	versions := strings.Fields("v0.9.0 v1.0.0 v1.0.1 v1.1.0 v1.1.5 v1.2.0")
	if got := above(versions, "v1.0.0"); !slices.Equal(got, versions[2:]) {
		t.Errorf("above v1.0.0: %v", got)
	}
	if got := above(versions, "v1.0.1-0.20200101000000-aaaaaaaaaaaa"); !slices.Equal(got, versions[2:]) {
		t.Errorf("above a commit before v1.0.1: %v", got)
	}
	if got := strings.Join(minors(versions), " "); got != "v0.9.0 v1.0.1 v1.1.5 v1.2.0" {
		t.Errorf("minors: %s", got)
	}
	if got := minors([]string{"v0.0.0-20200101000000-aaaaaaaaaaaa", "v0.0.0-20210101000000-bbbbbbbbbbbb"}); len(got) != 2 {
		t.Errorf("of commits none stands for another: %v", got)
	}
}
