// Package tidy holds the house rules that a compiler does not check, as tests.
//
// Words: ban (an import that a package must not make, with the reason), layer (a package's height: imports run downwards).
//
// Invariants are the tests themselves: imports.go is the policy as data, tidy_test.go applies it.
//
// Start debugging with the failing test's message: it names file, import and reason.
package tidy
