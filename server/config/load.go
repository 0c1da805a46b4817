package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/pflag"

	"kimberlite/server/logging"
)

// Values come from four places, later ones win: defaults, the file (--config or KIMBERLITE_CONFIG), the environment, flags.

// Error says what is wrong with a setting and where it was made: "kimberlite.toml:12", "flag --node-id", "environment KIMBERLITE_NODE_ID".
type Error struct {
	Origin string
	Text   string
}

// Error implements error.
func (e *Error) Error() string { return e.Origin + ": " + e.Text }

// BindFlags defines a flag for each setting, and --config. Load reads those that were given.
func BindFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "configuration file (TOML); environment "+envPrefix+"CONFIG")
	for _, s := range settingsOf(&Config{}) {
		usage := firstSentence(s.doc) + " (" + s.name + ", " + s.env + ")"
		fs.Var(&flagValue{kind: s.value.kind, text: s.def, bool: s.value.kind == "bool"}, s.flag, usage)
		if s.value.kind == "bool" {
			fs.Lookup(s.flag).NoOptDefVal = "true"
		}
		if !s.isPublic {
			fs.Lookup(s.flag).Hidden = true // --help would not fit a screen; docs/configuration.md lists them
		}
	}
}

func firstSentence(s string) string {
	if i := strings.IndexAny(s, ".;:"); i > 0 && !strings.Contains(s[:i], "`") {
		return s[:i]
	}
	return strings.TrimSuffix(s, ".")
}

// flagValue only keeps what was given; Load checks it.
type flagValue struct {
	kind, text string
	bool       bool
}

func (f *flagValue) String() string     { return f.text }
func (f *flagValue) Set(s string) error { f.text = s; return nil }
func (f *flagValue) Type() string       { return f.kind }
func (f *flagValue) IsBoolFlag() bool   { return f.bool }

// Load puts a configuration together. environ is os.Environ's; warn is told of environment variables that look like settings and are none.
func Load(fs *pflag.FlagSet, environ []string, warn func(string)) (*Config, error) {
	c := &Config{origins: map[string]string{}}
	settings := settingsOf(c)
	for _, s := range settings {
		if err := s.value.set(s.def); err != nil {
			return nil, &Error{"default of " + s.name, err.Error()}
		}
	}
	env := map[string]string{}
	for _, kv := range environ {
		if name, v, ok := strings.Cut(kv, "="); ok {
			env[name] = v
		}
	}
	file, origin := env[envPrefix+"CONFIG"], "environment "+envPrefix+"CONFIG"
	if f := fs.Lookup("config"); f != nil && f.Changed {
		file, origin = f.Value.String(), "flag --config"
	}
	if file != "" {
		if err := c.readFile(file, origin, settings); err != nil {
			return nil, err
		}
	}
	if err := c.readEnvironment(env, settings, warn); err != nil {
		return nil, err
	}
	for _, s := range settings {
		if f := fs.Lookup(s.flag); f != nil && f.Changed {
			if err := c.assign(s, f.Value.String(), "flag --"+s.flag); err != nil {
				return nil, err
			}
		}
	}
	if err := c.check(); err != nil {
		return nil, &Error{"configuration", err.Error()}
	}
	return c, nil
}

func (c *Config) assign(s *setting, text, origin string) error {
	if err := s.value.set(text); err != nil {
		return &Error{origin, s.name + ": " + err.Error()}
	}
	c.origins[s.name] = origin
	return nil
}

func (c *Config) readEnvironment(env map[string]string, settings []*setting, warn func(string)) error {
	known := map[string]bool{envPrefix + "CONFIG": true}
	if v, ok := env["RUST_LOG"]; ok && env["KIMBERLITE_LOG"] == "" && v != "" {
		for _, s := range settings {
			if s.name == "telemetry.log" {
				if _, err := logging.ParseLevels(v); err == nil { // meant for other programs as well: not ours to refuse
					_ = c.assign(s, v, "environment RUST_LOG")
				}
			}
		}
	}
	for _, s := range settings {
		known[s.env] = true
		if v, ok := env[s.env]; ok {
			if err := c.assign(s, v, "environment "+s.env); err != nil {
				return err
			}
		}
	}
	for name := range env {
		// Container platforms set variables named after services, such as KIMBERLITE_PORT: a warning, no refusal.
		if strings.HasPrefix(name, envPrefix) && !known[name] && warn != nil {
			warn(name)
		}
	}
	return nil
}

// readFile reads a TOML file. Errors carry the line.
func (c *Config) readFile(name, origin string, settings []*setting) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return &Error{origin, fmt.Sprintf("cannot read the configuration file: %v", err)}
	}
	c.File = name
	// The checking decoder first: its messages for broken syntax are better than the parser's.
	var anything map[string]any
	if err := toml.Unmarshal(b, &anything); err != nil {
		var de *toml.DecodeError
		if errors.As(err, &de) {
			line, _ := de.Position()
			return &Error{fmt.Sprintf("%s:%d", name, line), strings.TrimPrefix(de.Error(), "toml: ")}
		}
		return &Error{name, err.Error()}
	}
	r := &fileReader{c: c, name: name, settings: map[string]*setting{}}
	for _, s := range settings {
		r.settings[s.name] = s
	}
	return r.read(b)
}

// fileReader walks a TOML file's expressions, so that each value is known with its line.
type fileReader struct {
	c        *Config
	name     string
	settings map[string]*setting
	params   []string // of [server.parameters]
	parser   unstable.Parser
}

func (r *fileReader) read(b []byte) error {
	r.parser.Reset(b)
	table := ""
	for r.parser.NextExpression() {
		e := r.parser.Expression()
		switch e.Kind {
		case unstable.Table:
			key, line := r.keyOf(e)
			if !knownTable(key) {
				return r.errorAt(line, "unknown section [%s]%s", key, suggest(key, sectionNames()))
			}
			table = key
		case unstable.ArrayTable:
			key, line := r.keyOf(e)
			return r.errorAt(line, "[[%s]]: there are no arrays of tables here", key)
		case unstable.KeyValue:
			key, line := r.keyOf(e)
			if table != "" {
				key = table + "." + key
			}
			if err := r.value(key, line, e.Value()); err != nil {
				return err
			}
		}
	}
	if err := r.parser.Error(); err != nil {
		return &Error{r.name, err.Error()}
	}
	return nil
}

// keyOf returns a dotted key and its line.
func (r *fileReader) keyOf(n *unstable.Node) (key string, line int) {
	var parts []string
	for it := n.Key(); it.Next(); {
		k := it.Node()
		if line == 0 {
			line = r.parser.Shape(k.Raw).Start.Line
		}
		parts = append(parts, string(k.Data))
	}
	return strings.Join(parts, "."), line
}

func (r *fileReader) errorAt(line int, format string, args ...any) error {
	return &Error{fmt.Sprintf("%s:%d", r.name, line), fmt.Sprintf(format, args...)}
}

func (r *fileReader) value(key string, line int, v *unstable.Node) error {
	origin := fmt.Sprintf("%s:%d", r.name, line)
	if v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			k, _ := r.keyOf(it.Node())
			if err := r.value(key+"."+k, line, it.Node().Value()); err != nil {
				return err
			}
		}
		return nil
	}
	if parameter, ok := strings.CutPrefix(key, "server.parameters."); ok {
		text, err := scalar(v)
		if err != nil {
			return r.errorAt(line, "%s: %v", key, err)
		}
		r.params = append(r.params, parameter+"="+text)
		r.c.SessionParameters, r.c.origins["server.parameters"] = r.params, r.name
		return nil
	}
	s := r.settings[key]
	if s == nil {
		return r.errorAt(line, "unknown setting %s%s", key, suggest(key, r.names()))
	}
	if v.Kind == unstable.Array {
		if !s.value.isList {
			return r.errorAt(line, "%s: a list is not expected here", key)
		}
		var items []string
		for it := v.Children(); it.Next(); {
			text, err := scalar(it.Node())
			if err != nil {
				return r.errorAt(line, "%s: %v", key, err)
			}
			items = append(items, text)
		}
		return r.c.assign(s, strings.Join(items, ","), origin)
	}
	text, err := scalar(v)
	if err != nil {
		return r.errorAt(line, "%s: %v", key, err)
	}
	return r.c.assign(s, text, origin)
}

func (r *fileReader) names() []string {
	list := make([]string, 0, len(r.settings))
	for n := range r.settings {
		list = append(list, n)
	}
	return list
}

func scalar(v *unstable.Node) (string, error) {
	switch v.Kind {
	case unstable.String, unstable.Bool, unstable.Integer, unstable.Float:
		return string(v.Data), nil
	}
	return "", fmt.Errorf("a %s is not expected here", strings.ToLower(v.Kind.String()))
}

func sectionNames() []string {
	list := []string{"server.parameters"}
	for _, s := range sections {
		list = append(list, s.name)
	}
	return list
}

func knownTable(key string) bool {
	for _, s := range sectionNames() {
		if s == key {
			return true
		}
	}
	return false
}

// suggest returns "; did you mean x?" when some name is close to the one given.
func suggest(given string, names []string) string {
	best, distance := "", 4
	for _, n := range names {
		if d := editDistance(given, n); d < distance || d == distance && n < best {
			best, distance = n, d
		}
		if _, key, ok := strings.Cut(n, "."); ok && key == given { // the section was forgotten
			return "; did you mean " + n + "?"
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

// Show writes the configuration in force as a TOML file, with the origin of each value.
func (c *Config) Show(w io.Writer) {
	settings := settingsOf(c)
	for i, sec := range sections {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "[%s]\n", sec.name)
		for _, s := range settings {
			if s.section() == sec.name {
				line := s.key() + " = " + s.shown()
				fmt.Fprintf(w, "%-56s # %s\n", line, c.Origin(s.name))
			}
		}
	}
}

// shown is the value as TOML.
func (s *setting) shown() string {
	v := s.value.get()
	switch {
	case s.value.isList:
		if v == "" {
			return "[]"
		}
		items := strings.Split(v, ",")
		for i := range items {
			items[i] = tomlString(items[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case s.value.quoted:
		return tomlString(v)
	}
	return v
}

func tomlString(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return "\"" + s + "\""
	}
	b, err := toml.Marshal(map[string]string{"x": s})
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "x = "))
}
