// Package seeds runs simulations that depend on one number, so that whatever one of them finds can be found again.
//
// Words: seed (the number from which a simulation draws all its chances).
//
// Invariants:
//
//	SE1. A failing seed is printed with the command that tries it again.
//	SE2. The flags -seeds and -seed mean the same in all packages that simulate.
//
// Life of a run, in seeds.go: Each reads the flags, counts, and stops at the first seed that fails.
//
// Start debugging with the printed command.
package seeds
