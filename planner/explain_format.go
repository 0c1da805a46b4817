package planner

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// textNode prints a node and its children with PostgreSQL's indentation: two columns for the root, six more a level.
func textNode(it *item, indent int, arrow string, lines *[]string) {
	pad := strings.Repeat(" ", indent)
	*lines = append(*lines, pad+arrow+it.text)
	inner := indent + len(arrow) + 2
	if arrow == "" {
		inner = indent + 2
	}
	for _, d := range it.details {
		*lines = append(*lines, strings.Repeat(" ", inner)+d)
	}
	for _, s := range it.subs {
		at := inner
		if s.heading != "" {
			*lines = append(*lines, strings.Repeat(" ", inner)+s.heading)
			at = inner + 2
		}
		textNode(s.node, at, "->  ", lines)
	}
}

// withPlans is the item's properties with its children as Plans.
func withPlans(it *item) []prop {
	props := append([]prop(nil), it.props...)
	if len(it.subs) > 0 {
		list := make([]*item, len(it.subs))
		for i, s := range it.subs {
			list[i] = s.node
		}
		props = append(props, prop{"Plans", list})
	}
	return props
}

func formatJSON(top *item) string {
	var b strings.Builder
	b.WriteString("[\n  ")
	jsonItem(&b, top, 2)
	b.WriteString("\n]")
	return b.String()
}

func jsonItem(b *strings.Builder, it *item, indent int) {
	pad := strings.Repeat(" ", indent+2)
	b.WriteString("{")
	for i, p := range withPlans(it) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + pad + strconv.Quote(p.key) + ": ")
		switch v := p.value.(type) {
		case string:
			b.WriteString(jsonString(v))
		case number:
			b.WriteString(string(v))
		case bool:
			b.WriteString(strconv.FormatBool(v))
		case []string:
			quoted := make([]string, len(v))
			for k, s := range v {
				quoted[k] = jsonString(s)
			}
			b.WriteString("[" + strings.Join(quoted, ", ") + "]")
		case [][]string:
			jsonLists(b, v, pad)
		case *item:
			jsonItem(b, v, indent+2)
		case []*item:
			b.WriteString("[")
			if len(v) == 0 {
				b.WriteString("\n" + pad + "]")
				continue
			}
			for k, x := range v {
				if k > 0 {
					b.WriteString(",")
				}
				b.WriteString("\n" + pad + "  ")
				jsonItem(b, x, indent+4)
			}
			b.WriteString("\n" + pad + "]")
		}
	}
	b.WriteString("\n" + strings.Repeat(" ", indent) + "}")
}

// jsonLists prints lists of strings, each on a line.
func jsonLists(b *strings.Builder, lists [][]string, pad string) {
	b.WriteString("[")
	for i, list := range lists {
		if i > 0 {
			b.WriteString(",")
		}
		quoted := make([]string, len(list))
		for k, s := range list {
			quoted[k] = jsonString(s)
		}
		b.WriteString("\n" + pad + "  [" + strings.Join(quoted, ", ") + "]")
	}
	b.WriteString("\n" + pad + "]")
}

func jsonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func formatYAML(top *item) string {
	var b strings.Builder
	b.WriteString("- ")
	yamlItem(&b, top, 2)
	return strings.TrimRight(b.String(), "\n")
}

func yamlItem(b *strings.Builder, it *item, indent int) {
	pad := strings.Repeat(" ", indent)
	for i, p := range withPlans(it) {
		if i > 0 {
			b.WriteString(pad)
		}
		b.WriteString(p.key + ":")
		switch v := p.value.(type) {
		case string:
			b.WriteString(" " + jsonString(v) + "\n")
		case number:
			b.WriteString(" " + string(v) + "\n")
		case bool:
			b.WriteString(" " + strconv.FormatBool(v) + "\n")
		case []string:
			b.WriteString(" \n")
			for _, s := range v {
				b.WriteString(pad + "  - " + jsonString(s) + "\n")
			}
		case [][]string:
			b.WriteString(" \n")
			for _, list := range v {
				quoted := make([]string, len(list))
				for k, s := range list {
					quoted[k] = jsonString(s)
				}
				b.WriteString(pad + "  - [" + strings.Join(quoted, ", ") + "]\n")
			}
		case *item:
			b.WriteString(" \n" + pad + "  ")
			yamlItem(b, v, indent+2)
		case []*item:
			b.WriteString(" \n")
			for _, x := range v {
				b.WriteString(pad + "  - ")
				yamlItem(b, x, indent+4)
			}
		}
	}
}

func formatXML(top *item) string {
	var b strings.Builder
	b.WriteString("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n")
	xmlItem(&b, "Query", top, 2)
	b.WriteString("</explain>")
	return b.String()
}

func xmlItem(b *strings.Builder, tag string, it *item, indent int) {
	pad := strings.Repeat(" ", indent)
	b.WriteString(pad + "<" + tag + ">\n")
	for _, p := range withPlans(it) {
		key := strings.ReplaceAll(p.key, " ", "-")
		switch v := p.value.(type) {
		case string:
			b.WriteString(pad + "  <" + key + ">" + xmlText(v) + "</" + key + ">\n")
		case number:
			b.WriteString(pad + "  <" + key + ">" + string(v) + "</" + key + ">\n")
		case bool:
			b.WriteString(pad + "  <" + key + ">" + strconv.FormatBool(v) + "</" + key + ">\n")
		case []string:
			b.WriteString(pad + "  <" + key + ">\n")
			for _, s := range v {
				b.WriteString(pad + "    <Item>" + xmlText(s) + "</Item>\n")
			}
			b.WriteString(pad + "  </" + key + ">\n")
		case [][]string:
			b.WriteString(pad + "  <" + key + ">\n")
			for _, list := range v {
				b.WriteString(pad + "    <Item>" + xmlText(strings.Join(list, ", ")) + "</Item>\n")
			}
			b.WriteString(pad + "  </" + key + ">\n")
		case *item:
			xmlItem(b, key, v, indent+2)
		case []*item:
			b.WriteString(pad + "  <" + key + ">\n")
			for _, x := range v {
				xmlItem(b, strings.TrimSuffix(key, "s"), x, indent+4)
			}
			b.WriteString(pad + "  </" + key + ">\n")
		}
	}
	b.WriteString(pad + "</" + tag + ">\n")
}

func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}
