package session

import (
	"strconv"
	"strings"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// registerChecks adds the checks of settings whose values mean something here.
func registerChecks(m map[string]*guc) {
	set := func(name string, f func(g *guc, v string) (string, error)) {
		if g := m[strings.ToLower(name)]; g != nil {
			g.check = func(v string) (string, error) { return f(g, v) }
		}
	}
	set("TimeZone", func(g *guc, v string) (string, error) {
		_, name, err := parseZone(v)
		if err != nil {
			return "", invalidValue(g, v)
		}
		return name, nil
	})
	set("log_timezone", m["timezone"].wrapCheck)
	set("DateStyle", func(g *guc, v string) (string, error) {
		style, order, ok := parseDateStyle(v, types.DateStyleISO, types.DateOrderMDY)
		if !ok {
			return "", invalidValue(g, v)
		}
		return printDateStyle(style, order), nil
	})
	set("client_encoding", func(g *guc, v string) (string, error) {
		switch strings.ToUpper(strings.NewReplacer("-", "", "_", "", "'", "", `"`, "").Replace(v)) {
		case "UTF8", "UNICODE":
			return "UTF8", nil
		case "SQLASCII":
			return "SQL_ASCII", nil
		case "LATIN1", "ISO88591", "WIN1252", "EUCJP", "SJIS", "LATIN9", "WIN1251", "BIG5", "GBK":
			return "", pgerr.Newf(pgerr.FeatureNotSupported, "client_encoding %q is not supported", v).WithHint("Use client_encoding UTF8.")
		}
		return "", invalidValue(g, v)
	})
	set("standard_conforming_strings", func(g *guc, v string) (string, error) {
		if v != "on" {
			return "", pgerr.Unsupported("standard_conforming_strings = off", "Use E'...' for strings with backslash escapes.")
		}
		return v, nil
	})
	set("default_transaction_isolation", func(_ *guc, v string) (string, error) { return v, checkIsolation(v) })
	set("application_name", func(_ *guc, v string) (string, error) { return truncateASCII(v, 63), nil })
	set("seed", func(_ *guc, v string) (string, error) { return v, nil })
	set("extra_float_digits", func(g *guc, v string) (string, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < -15 || n > 3 {
			return "", pgerr.Newf(pgerr.InvalidParameterValue, "%s is outside the valid range for parameter \"extra_float_digits\" (-15 .. 3)", v)
		}
		return v, nil
	})
	set("search_path", func(g *guc, v string) (string, error) {
		if _, err := splitIdentifiers(v); err != nil {
			return "", invalidValue(g, v).WithDetail("List syntax is invalid.")
		}
		return v, nil
	})
}

func (g *guc) wrapCheck(_ *guc, v string) (string, error) { return g.check(v) }

func invalidValue(g *guc, v string) *pgerr.Error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", g.Name, v)
}

func checkIsolation(v string) error {
	if strings.EqualFold(v, "serializable") {
		return pgerr.Unsupported("isolation level SERIALIZABLE", "Use REPEATABLE READ, or lock explicitly (SELECT ... FOR UPDATE, LOCK TABLE).")
	}
	return nil
}

// truncateASCII replaces what isn't printable ASCII and cuts at n bytes, as PostgreSQL does with application_name.
func truncateASCII(s string, n int) string {
	b := []byte(s)
	for i, c := range b {
		if c < 32 || c > 126 {
			b[i] = '?'
		}
	}
	if len(b) > n {
		b = b[:n]
	}
	return string(b)
}

func parseDateStyle(v string, style types.DateStyle, order types.DateOrder) (types.DateStyle, types.DateOrder, bool) {
	for _, w := range strings.Split(v, ",") {
		switch w := strings.ToUpper(strings.TrimSpace(strings.Trim(strings.TrimSpace(w), `"'`))); {
		case w == "ISO":
			style = types.DateStyleISO
		case w == "SQL":
			style = types.DateStyleSQL
		case strings.HasPrefix(w, "POSTGRES"):
			style = types.DateStylePostgres
		case w == "GERMAN":
			style = types.DateStyleGerman
			order = types.DateOrderDMY
		case w == "YMD":
			order = types.DateOrderYMD
		case w == "DMY" || strings.HasPrefix(w, "EURO"):
			order = types.DateOrderDMY
		case w == "MDY" || strings.HasPrefix(w, "NONEURO") || w == "US":
			order = types.DateOrderMDY
		case w == "DEFAULT":
			style, order = types.DateStyleISO, types.DateOrderMDY
		default:
			return style, order, false
		}
	}
	return style, order, true
}

func printDateStyle(s types.DateStyle, o types.DateOrder) string {
	return [...]string{"ISO", "Postgres", "SQL", "German"}[s] + ", " + [...]string{"MDY", "DMY", "YMD"}[o]
}

func intervalStyle(v string) types.IntervalStyle {
	switch v {
	case "postgres_verbose":
		return types.IntervalPostgresVerbose
	case "sql_standard":
		return types.IntervalSQLStandard
	case "iso_8601":
		return types.IntervalISO8601
	}
	return types.IntervalPostgres
}

// splitIdentifiers splits a list of SQL identifiers, folding unquoted ones (SplitIdentifierString).
func splitIdentifiers(s string) ([]string, error) {
	var out []string
	bad := pgerr.New(pgerr.InvalidParameterValue, "list syntax is invalid")
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	for {
		s = strings.TrimLeft(s, " \t\n\r\f")
		if s == "" {
			return nil, bad
		}
		var word string
		if s[0] == '"' {
			var b strings.Builder
			i := 1
			for {
				j := strings.IndexByte(s[i:], '"')
				if j < 0 {
					return nil, bad
				}
				b.WriteString(s[i : i+j])
				i += j + 1
				if i < len(s) && s[i] == '"' {
					b.WriteByte('"')
					i++
					continue
				}
				break
			}
			word, s = b.String(), s[i:]
		} else {
			i := strings.IndexAny(s, ", \t\n\r\f")
			if i < 0 {
				i = len(s)
			}
			word, s = strings.ToLower(s[:i]), s[i:]
			if word == "" {
				return nil, bad
			}
		}
		out = append(out, word)
		s = strings.TrimLeft(s, " \t\n\r\f")
		if s == "" {
			return out, nil
		}
		if s[0] != ',' {
			return nil, bad
		}
		s = s[1:]
	}
}
