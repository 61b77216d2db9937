package migrate

import (
	"cmp"
	"fmt"
	"slices"
)

// Sections of the documents.
const (
	linkCompile      = "docs/names.md#what-moved"
	LinkRead         = "MIGRATING.md#read-these-three"
	linkGone         = "docs/names.md#what-is-gone-for-good"
	LinkDependencies = "MIGRATING.md#dependencies"
	LinkCommand      = "MIGRATING.md#1-stuck"
)

// A Report is something that the rewrites leave to the reader.
type Report struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Reason string `json:"reason"`
	Write  string `json:"write"`          // what to write instead
	Link   string `json:"link"`           // into MIGRATING.md or docs/names.md
	Note   bool   `json:"note,omitempty"` // good to know; nothing is left to do
}

func (r Report) String() string {
	kind := ""
	if r.Note {
		kind = "note: "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s; %s (%s)", r.File, r.Line, r.Column, kind, r.Reason, r.Write, r.Link)
}

// SortReports sorts by place.
func SortReports(reports []Report) { slices.SortStableFunc(reports, compareReports) }

func compareReports(a, b Report) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Reason, b.Reason))
}
