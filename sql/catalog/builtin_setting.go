package catalog

import "sync"

// SettingInfo describes a configuration parameter: a row of pg_settings without its values.
type SettingInfo struct {
	Name, Unit, Category, Short, Extra string
	Context                            string // internal, postmaster, sighup, backend, superuser-backend, superuser, user
	VarType                            string // bool, integer, real, string, enum
	Min, Max                           string
	Enum                               []string
	Boot                               string
	BootNull                           bool
}

// BuiltinSettings lists PostgreSQL's parameters, ordered by name.
var BuiltinSettings = sync.OnceValue(func() []SettingInfo {
	t := data("pg_settings")
	out := make([]SettingInfo, t.len())
	for i := range out {
		r := t.row(i)
		s := &out[i]
		s.Name, s.Unit, s.Category, s.Short, s.Extra = r.text(), r.text(), r.text(), r.text(), r.text()
		s.Context, s.VarType, s.Min, s.Max = r.text(), r.text(), r.text(), r.text()
		s.Enum = r.strings()
		s.Boot, s.BootNull = r.textNull()
	}
	return out
})
