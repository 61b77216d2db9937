// Package program takes a whole Go program to today's grpc-go: its own code, by
// the rewrites of package migrate, and whatever it imports.
//
// For each go.mod it works in rounds. The go command lists the packages that
// the program is built from, and those that go mod tidy looks at besides. Then
// whatever holds the program back is dealt with:
//
//   - packages that import google.golang.org/grpc/naming: the drop-in module;
//   - modules that use what else grpc-go removed: a newer version, or a copy in
//     third_party that is migrated by the same rewrites;
//   - modules that both contain a package that is needed: the one with the
//     shorter path is raised to where it no longer does;
//   - modules that do not compile with today's grpc-go: the lowest version that
//     does, found by trying.
//
// It begins anew until a round changes nothing. All of that happens in a stage:
// the go command sees the changed files by its flags -overlay and -modfile, and
// the program's own files stay as they are until [Outcome.Write].
package program
