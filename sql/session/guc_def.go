package session

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
)

// guc is the definition of a setting.
type guc struct {
	catalog.SettingDef
	report bool // sent to the client as ParameterStatus
	list   bool // GUC_LIST_INPUT: SET takes a list
	// check canonicalises a value; extra is stored with it.
	check func(value string) (string, error)
}

// ours overrides PostgreSQL's boot values where this server differs, and adds its own settings.
var ours = map[string]string{
	"server_version": "15.18 (Kimberlite 0.1.0)", "server_version_num": "150018", "server_encoding": "UTF8", "client_encoding": "UTF8",
	"lc_collate": "C", "lc_ctype": "C.UTF-8", "lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "wal_level": "replica",
	"data_checksums": "on", "integer_datetimes": "on", "in_hot_standby": "off", "is_superuser": "on", "TimeZone": "UTC", "log_timezone": "UTC",
	"max_connections": strconv.Itoa(maxConnectionsDefault), "shared_buffers": "32768", "unix_socket_directories": "", "listen_addresses": "127.0.0.1",
	"autovacuum": "on", "application_name": "", "session_authorization": "", "role": "none", "search_path": `"$user", public`,
	"default_text_search_config": "pg_catalog.english", "dynamic_shared_memory_type": "posix", "password_encryption": "scram-sha-256",
	"bonjour_name": "", "cluster_name": "", "primary_conninfo": "", "stats_fetch_consistency": "cache",
}

var ownSettings = []catalog.SettingDef{
	{Name: "kimberlite.as_of", Category: "Kimberlite", ShortDesc: "Reads tables as they were at a position or timestamp.", Context: "user", VarType: "string"},
	{Name: "kimberlite.follower_reads", Category: "Kimberlite", ShortDesc: "Serves reads of this session from the local replica.", Context: "user", VarType: "bool", Boot: "off"},
	{Name: "pg_stat_statements.max", Category: "Customized Options", ShortDesc: "Sets the maximum number of statements tracked by pg_stat_statements.", Context: "postmaster", VarType: "integer", Boot: "5000", Min: "100", Max: "1073741823"},
	{Name: "pg_stat_statements.track", Category: "Customized Options", ShortDesc: "Selects which statements are tracked by pg_stat_statements.", Context: "superuser", VarType: "enum", Boot: "top", EnumVals: []string{"none", "top", "all"}},
	{Name: "pg_stat_statements.track_utility", Category: "Customized Options", ShortDesc: "Selects whether utility commands are tracked by pg_stat_statements.", Context: "superuser", VarType: "bool", Boot: "on"},
	{Name: "is_superuser", Category: "Preset Options", ShortDesc: "Shows whether the current user is a superuser.", Context: "internal", VarType: "bool", Boot: "on"},
	{Name: "session_authorization", Category: "Client Connection Defaults", ShortDesc: "Sets the session user name.", Context: "user", VarType: "string"},
	{Name: "role", Category: "Client Connection Defaults", ShortDesc: "Sets the current role.", Context: "user", VarType: "string", Boot: "none"},
	{Name: "seed", Category: "Client Connection Defaults", ShortDesc: "Sets the seed for random-number generation.", Context: "user", VarType: "real", Boot: "0"},
	{Name: "transaction_isolation", Category: "Client Connection Defaults", ShortDesc: "Sets the current transaction's isolation level.", Context: "user", VarType: "enum", Boot: "read committed", EnumVals: []string{"serializable", "repeatable read", "read committed", "read uncommitted"}},
	{Name: "transaction_read_only", Category: "Client Connection Defaults", ShortDesc: "Sets the current transaction's read-only status.", Context: "user", VarType: "bool", Boot: "off"},
	{Name: "transaction_deferrable", Category: "Client Connection Defaults", ShortDesc: "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures.", Context: "user", VarType: "bool", Boot: "off"},
}

// reported are the 13 parameters that PostgreSQL 15 reports, in the order in which it does at start.
var reported = []string{"application_name", "client_encoding", "DateStyle", "default_transaction_read_only", "in_hot_standby", "integer_datetimes",
	"IntervalStyle", "is_superuser", "server_encoding", "server_version", "session_authorization", "standard_conforming_strings", "TimeZone"}

var listSettings = map[string]bool{"search_path": true, "DateStyle": true, "temp_tablespaces": true, "session_preload_libraries": true, "local_preload_libraries": true, "log_destination": true, "listen_addresses": true, "unix_socket_directories": true, "shared_preload_libraries": true, "wal_consistency_checking": true, "synchronous_standby_names": true}

// gucs is the table of all settings by lower-case name.
var gucs = sync.OnceValue(func() map[string]*guc {
	m := make(map[string]*guc, 400)
	add := func(info catalog.SettingDef) {
		g := &guc{SettingDef: info, list: listSettings[info.Name]}
		if v, ok := ours[info.Name]; ok {
			g.Boot, g.BootNull = v, false
		}
		m[strings.ToLower(info.Name)] = g
	}
	for _, info := range catalog.SettingDefs() {
		add(info)
	}
	for _, info := range ownSettings {
		add(info)
	}
	for _, name := range reported {
		if g := m[strings.ToLower(name)]; g != nil {
			g.report = true
		}
	}
	registerChecks(m)
	return m
})

// sortedGUCs lists the settings by name, as SHOW ALL does.
func sortedGUCs() []*guc {
	out := make([]*guc, 0, len(gucs()))
	for _, g := range gucs() {
		out = append(out, g)
	}
	sort.Slice(out, func(i, j int) bool { return strings.ToLower(out[i].Name) < strings.ToLower(out[j].Name) })
	return out
}

func findGUC(name string) *guc { return gucs()[strings.ToLower(name)] }

// canonical checks a value and returns the form in which it is stored (numbers in the setting's base unit).
func (g *guc) canonical(value string) (string, error) {
	switch g.VarType {
	case "bool":
		b, ok := parseBool(value)
		if !ok {
			return "", pgerr.Newf(pgerr.InvalidParameterValue, "parameter %q requires a Boolean value", g.Name)
		}
		value = "off"
		if b {
			value = "on"
		}
	case "integer":
		v, err := g.number(value)
		if err != nil {
			return "", err
		}
		value = strconv.FormatInt(int64(math.RoundToEven(v)), 10)
	case "real":
		v, err := g.number(value)
		if err != nil {
			return "", err
		}
		value = strconv.FormatFloat(v, 'g', -1, 64)
	case "enum":
		found := false
		for _, e := range g.EnumVals {
			if strings.EqualFold(e, value) {
				value, found = e, true
			}
		}
		if b, ok := parseBool(value); !found && ok { // on/off spelled otherwise
			want := "off"
			if b {
				want = "on"
			}
			for _, e := range g.EnumVals {
				if e == want {
					value, found = e, true
				}
			}
		}
		if !found {
			return "", pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", g.Name, value).WithHint("Available values: %s.", strings.Join(g.EnumVals, ", "))
		}
	}
	if g.check != nil {
		return g.check(value)
	}
	return value, nil
}

func parseBool(s string) (value, ok bool) {
	l := strings.ToLower(s)
	if l == "" {
		return false, false
	}
	for _, w := range []struct {
		word string
		min  int
		v    bool
	}{{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false}, {"on", 2, true}, {"off", 2, false}, {"1", 1, true}, {"0", 1, false}} {
		if len(l) >= w.min && strings.HasPrefix(w.word, l) {
			return w.v, true
		}
	}
	return false, false
}

// units in bytes or milliseconds.
var memUnits = map[string]float64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
var timeUnits = map[string]float64{"us": 0.001, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000}

// baseUnit is the setting's own unit as a factor of bytes or milliseconds.
func (g *guc) baseUnit() (factor float64, units map[string]float64, hint string) {
	const memHint = `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`
	const timeHint = `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`
	switch g.Unit {
	case "B":
		return 1, memUnits, memHint
	case "kB":
		return 1 << 10, memUnits, memHint
	case "8kB":
		return 8 << 10, memUnits, memHint
	case "MB":
		return 1 << 20, memUnits, memHint
	case "ms":
		return 1, timeUnits, timeHint
	case "s":
		return 1000, timeUnits, timeHint
	case "min":
		return 60000, timeUnits, timeHint
	}
	return 1, nil, ""
}

// number parses a number with an optional unit and checks the range.
func (g *guc) number(value string) (float64, error) {
	bad := func(hint string) error {
		return pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", g.Name, value).WithHint("%s", hint)
	}
	s := strings.TrimSpace(value)
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || strings.IndexByte("+-.eExXabcdfABCDF", s[end]) >= 0) {
		if strings.IndexByte("abcdfABCDF", s[end]) >= 0 && !strings.HasPrefix(strings.TrimLeft(s, "+-"), "0x") {
			break
		}
		if (s[end] == 'e' || s[end] == 'E') && (end+1 >= len(s) || strings.IndexByte("+-0123456789", s[end+1]) < 0) {
			break
		}
		end++
	}
	num, unit := s[:end], strings.TrimSpace(s[end:])
	v, err := strconv.ParseFloat(num, 64)
	if err != nil {
		i, ierr := strconv.ParseInt(num, 0, 64)
		if ierr != nil {
			return 0, bad("")
		}
		v = float64(i)
	}
	base, units, hint := g.baseUnit()
	if unit != "" {
		f, ok := units[unit]
		if !ok {
			return 0, bad(hint)
		}
		v = v * f / base
		if g.VarType == "integer" {
			v = math.RoundToEven(v)
		}
	}
	lo, lerr := strconv.ParseFloat(g.Min, 64)
	hi, herr := strconv.ParseFloat(g.Max, 64)
	if lerr == nil && v < lo || herr == nil && v > hi || math.IsNaN(v) {
		u := ""
		if g.Unit != "" {
			u = " " + g.Unit
		}
		return 0, pgerr.Newf(pgerr.InvalidParameterValue, "%s%s is outside the valid range for parameter \"%s\" (%s .. %s)", strconv.FormatFloat(v, 'g', -1, 64), u, g.Name, g.Min, g.Max)
	}
	return v, nil
}

// show prints a stored value as SHOW does: numbers in the largest unit that divides them.
func (g *guc) show(value string) string {
	if g.VarType != "integer" && g.VarType != "real" || g.Unit == "" {
		return value
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || v <= 0 {
		return value
	}
	base, units, _ := g.baseUnit()
	total := v * base
	order := []string{"TB", "GB", "MB", "kB", "B"}
	if g.Unit == "ms" || g.Unit == "s" || g.Unit == "min" {
		order = []string{"d", "h", "min", "s", "ms", "us"}
	}
	for _, u := range order {
		if q := total / units[u]; q == math.Trunc(q) {
			return strconv.FormatFloat(q, 'f', -1, 64) + u
		}
	}
	return value
}
