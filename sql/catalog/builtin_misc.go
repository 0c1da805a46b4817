package catalog

import (
	"sync"

	"kimberlite/sql/types"
)

// SettingDef is what PostgreSQL says about one of its settings (GUCs): a row of pg_settings without the values in force.
type SettingDef struct {
	Name, Unit, Category, ShortDesc, ExtraDesc string
	Context                                    string // internal, postmaster, sighup, superuser-backend, backend, superuser, user
	VarType                                    string // bool, integer, real, string, enum
	Min, Max                                   string // empty for none
	EnumVals                                   []string
	Boot                                       string // the built-in default
	BootNull                                   bool
}

// SettingDefs returns PostgreSQL 15's settings ordered by name. Those that SHOW ALL hides (role, session_authorization, is_superuser, seed) are not among them.
var SettingDefs = sync.OnceValue(func() []SettingDef {
	t := data("pg_settings")
	out := make([]SettingDef, t.len())
	for i := range out {
		r := t.row(i)
		d := &out[i]
		d.Name, d.Unit, d.Category, d.ShortDesc, d.ExtraDesc = r.text(), r.text(), r.text(), r.text(), r.text()
		d.Context, d.VarType, d.Min, d.Max = r.text(), r.text(), r.text(), r.text()
		d.EnumVals = r.strings()
		d.Boot, d.BootNull = r.textNull()
	}
	return out
})

var keywordIndex textIndex

// KeywordCategory returns the category of an SQL keyword as pg_get_keywords prints it ('U' unreserved, 'C' unreserved but no function or type name, 'T' reserved but
// a function or type name, 'R' reserved), 0 for what is no keyword.
func KeywordCategory(word string) byte {
	t := data("keywords")
	rows := keywordIndex.find(t, 0, word)
	if len(rows) == 0 {
		return 0
	}
	return t.field(int(rows[0]), 1)[0]
}

// Keyword is a row of pg_get_keywords.
type Keyword struct {
	Word      string
	Category  byte
	BareLabel bool
}

// Keywords lists the keywords in alphabetical order.
func Keywords() []Keyword {
	t := data("keywords")
	out := make([]Keyword, t.len())
	for i := range out {
		r := t.row(i)
		out[i] = Keyword{r.text(), r.char(), r.bool()}
	}
	return out
}

// Languages of functions.
const (
	LangInternal types.OID = 12
	LangC        types.OID = 13
	LangSQL      types.OID = 14
)

// LanguageName returns the name of a procedural language, empty when there is none.
func LanguageName(oid types.OID) string {
	t := data("pg_language")
	for i := range t.len() {
		r := t.row(i)
		if r.oid() == oid {
			return r.text()
		}
	}
	return ""
}

// BuiltinViewText returns the definition of a system view as pg_get_viewdef prints it, empty for anything else.
func BuiltinViewText(oid types.OID) string {
	t := data("viewdefs")
	if i := viewTexts.one(t, 0, oid); i >= 0 {
		return t.field(i, 1)
	}
	return ""
}

var viewTexts intIndex

// TextSearchName returns the name of a text search configuration (typ regconfig) or dictionary (regdictionary), empty when there is none.
func TextSearchName(typ, oid types.OID) string {
	file := "pg_ts_config"
	if typ == types.OIDRegdictionary {
		file = "pg_ts_dict"
	}
	t := data(file)
	for i := range t.len() {
		r := t.row(i)
		if r.oid() == oid {
			return r.text()
		}
	}
	return ""
}
