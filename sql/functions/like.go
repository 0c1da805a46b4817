package functions

import (
	"strings"
	"unicode/utf8"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// LIKE, ILIKE and the rewriting of SIMILAR TO patterns (9.7.1, 9.7.2).

var errLikeEscape = pgerr.New(pgerr.InvalidEscapeSequence, "LIKE pattern must not end with escape character")

// likeMatch matches LIKE patterns: % any text, _ one character (one byte when bytes is set), a backslash takes the next character
// literally. It goes back only to the last %, so that it takes at most the product of the lengths.
func likeMatch(s, p string, bytes bool) (bool, error) {
	star, retry := -1, 0 // after the last % in p, and where in s the text for it ended
	i, j := 0, 0
	for {
		ok := false
		switch {
		case j == len(p):
			ok = i == len(s)
			if ok {
				return true, nil
			}
		case p[j] == '%':
			for j < len(p) && p[j] == '%' {
				j++
			}
			if j == len(p) {
				return true, nil
			}
			star, retry = j, i
			continue
		case p[j] == '\\' && j+1 == len(p):
			if i < len(s) {
				return false, errLikeEscape
			}
		case i == len(s):
		case p[j] == '_':
			size := 1
			if !bytes {
				_, size = utf8.DecodeRuneInString(s[i:])
			}
			i, j = i+size, j+1
			continue
		default:
			k := j
			if p[k] == '\\' {
				k++
			}
			if s[i] == p[k] {
				i, j = i+1, k+1
				continue
			}
		}
		if star < 0 || retry >= len(s) {
			return false, nil
		}
		size := 1
		if !bytes {
			_, size = utf8.DecodeRuneInString(s[retry:])
		}
		retry += size
		i, j = retry, star
	}
}

func likeOperator(src string, want, fold, bytes bool) {
	scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
		s, p := a[0].S, a[1].S
		if fold {
			s, p = strings.ToLower(s), strings.ToLower(p)
		}
		ok, err := likeMatch(s, p, bytes)
		return types.Bool(ok == want), err
	})
}

func registerLike() {
	for _, t := range []string{"text", "name", "bytea"} {
		likeOperator(t+"like", true, false, t == "bytea")
		likeOperator(t+"nlike", false, false, t == "bytea")
	}
	for _, t := range []string{"text", "name"} {
		likeOperator(t+"iclike", true, true, false)
		likeOperator(t+"icnlike", false, true, false)
	}
	scalar("like_escape", func(_ *Call, a []types.Datum) (types.Datum, error) { return likeEscape(a[0].S, a[1].S, false) })
	scalar("like_escape_bytea", func(_ *Call, a []types.Datum) (types.Datum, error) { return likeEscape(a[0].S, a[1].S, true) })
	scalar("similar_to_escape_1", func(_ *Call, a []types.Datum) (types.Datum, error) { return similarEscape(a[0].S, `\`) })
	scalar("similar_to_escape_2", func(_ *Call, a []types.Datum) (types.Datum, error) { return similarEscape(a[0].S, a[1].S) })
	scalar("similar_escape", func(_ *Call, a []types.Datum) (types.Datum, error) {
		if a[0].Null {
			return types.NullDatum, nil
		}
		if a[1].Null {
			return similarEscape(a[0].S, `\`)
		}
		return similarEscape(a[0].S, a[1].S)
	})
	scalarOID(2074, func(c *Call, a []types.Datum) (types.Datum, error) { // substring(text, pattern, escape), defined in SQL
		p, err := similarEscape(a[1].S, a[2].S)
		if err != nil {
			return types.Datum{}, err
		}
		return regexSubstr(c, []types.Datum{a[0], p})
	})
}

func errEscapeString() error {
	return pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")
}

// likeEscape rewrites a pattern with another escape character, or none, to one with backslashes.
func likeEscape(p, escape string, bytes bool) (types.Datum, error) {
	switch {
	case escape == "":
		return types.Str(strings.ReplaceAll(p, `\`, `\\`)), nil
	case !bytes && utf8.RuneCountInString(escape) > 1, bytes && len(escape) > 1:
		return types.Datum{}, errEscapeString()
	case escape == `\`:
		return types.Str(p), nil
	}
	var b strings.Builder
	after := false // the last character was an escape
	for p != "" {
		size := 1
		if !bytes {
			_, size = utf8.DecodeRuneInString(p)
		}
		c := p[:size]
		p = p[size:]
		switch {
		case c == escape && !after:
			b.WriteByte('\\')
			after = true
			continue
		case c == `\` && !after:
			b.WriteByte('\\')
		}
		b.WriteString(c)
		after = false
	}
	return types.Str(b.String()), nil
}

// similarEscape rewrites a SIMILAR TO pattern to a regular expression. Two escape-double-quotes split it into three parts of which the
// middle one is captured, for substring(... similar ... escape ...).
func similarEscape(p, escape string) (types.Datum, error) {
	if utf8.RuneCountInString(escape) > 1 {
		return types.Datum{}, errEscapeString()
	}
	var b strings.Builder
	b.WriteString("^(?:")
	after, quotes := false, 0
	brackets := 0 // 1: in a bracket expression's start, where ] is a member; 2: behind it
	for _, r := range p {
		c := string(r)
		switch {
		case after:
			if c == `"` && brackets == 0 {
				switch quotes++; quotes {
				case 1:
					b.WriteString("){1,1}?(")
				case 2:
					b.WriteString("){1,1}(?:")
				default:
					return types.Datum{}, pgerr.New(pgerr.InvalidUseOfEscapeCharacter, "SQL regular expression may not contain more than two escape-double-quote separators")
				}
			} else {
				b.WriteString(`\` + c)
			}
			after = false
		case c == escape:
			after = true
		case brackets > 0:
			switch {
			case c == `\`:
				b.WriteString(`\\`)
			default:
				b.WriteString(c)
			}
			if c == "]" && brackets == 2 {
				brackets = 0
			} else if c != "^" || brackets == 2 {
				brackets = 2
			}
		case c == "[":
			b.WriteString(c)
			brackets = 1
		case c == "%":
			b.WriteString(".*")
		case c == "_":
			b.WriteByte('.')
		case c == "(":
			b.WriteString("(?:")
		case c == `\`, c == ".", c == "^", c == "$":
			b.WriteString(`\` + c)
		default:
			b.WriteString(c)
		}
	}
	b.WriteString(")$")
	return types.Str(b.String()), nil
}
