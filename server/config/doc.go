// Package config reads what an operator can set.
//
// Words: setting (one thing that can be set; settings.go lists all), origin (where a value comes from: default, file:line, environment, flag).
//
// Invariants:
//
//	CF1. Every setting has a TOML key, a flag and an environment variable; all three take the same texts.
//	CF2. Later origins win: default, file, environment, flag.
//	CF3. An unknown key or a bad value is refused, naming the line, the variable or the flag.
//	CF4. --show-config prints a TOML file that, read back, gives the same configuration.
//	CF5. docs/configuration.md says the same as settings.go (a test compares them).
//
// Life of a value: Load sets the default, reads the file (fileReader), the environment, the flags; each time the setting's value (values.go)
// parses the text and refuses it or stores it in Config; check then looks at settings that depend on one another.
//
// Start debugging with --show-config: it names the origin of every value.
package config
