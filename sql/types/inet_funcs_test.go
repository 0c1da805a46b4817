package types

import "strconv"

func init() {
	in := func(d Datum) Inet { return UnpackInet(d.S) }
	inet := func(a Inet, err error) (string, error) { return refResult(nil, OIDInet, Str(a.Pack()), err) }
	cidr := func(a Inet, err error) (string, error) { return refResult(nil, OIDCidr, Str(a.Pack()), err) }
	boolean := func(b bool) (string, error) { return refBool(b), nil }
	type fn = func(ctx *Ctx, v []Datum) (string, error)
	for sig, f := range map[string]fn{
		"abbrev(inet)":    func(_ *Ctx, v []Datum) (string, error) { return in(v[0]).Abbrev(), nil },
		"abbrev(cidr)":    func(_ *Ctx, v []Datum) (string, error) { return in(v[0]).AbbrevCidr(), nil },
		"broadcast(inet)": func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Broadcast(), nil) },
		"family(inet)":    func(_ *Ctx, v []Datum) (string, error) { return strconv.Itoa(in(v[0]).Family()), nil },
		"host(inet)":      func(_ *Ctx, v []Datum) (string, error) { return in(v[0]).Host(), nil },
		"hostmask(inet)":  func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Hostmask(), nil) },
		"netmask(inet)":   func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Netmask(), nil) },
		"network(inet)":   func(_ *Ctx, v []Datum) (string, error) { return cidr(in(v[0]).Network(), nil) },
		"text(inet)":      func(_ *Ctx, v []Datum) (string, error) { return in(v[0]).Text(), nil },
		"set_masklen(inet,int)": func(_ *Ctx, v []Datum) (string, error) {
			return inet(in(v[0]).SetMasklen(int(v[1].I)))
		},
		"inet_merge(inet,inet)": func(_ *Ctx, v []Datum) (string, error) { return cidr(in(v[0]).Merge(in(v[1]))) },
		"<<(inet,inet)":         func(_ *Ctx, v []Datum) (string, error) { return boolean(in(v[0]).Within(in(v[1]), false)) },
		"<<=(inet,inet)":        func(_ *Ctx, v []Datum) (string, error) { return boolean(in(v[0]).Within(in(v[1]), true)) },
		"&&(inet,inet)":         func(_ *Ctx, v []Datum) (string, error) { return boolean(in(v[0]).Overlaps(in(v[1]))) },
		"<(inet,inet)":          func(_ *Ctx, v []Datum) (string, error) { return boolean(CompareInet(in(v[0]), in(v[1])) < 0) },
		"~(inet)":               func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Not(), nil) },
		"&(inet,inet)":          func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).And(in(v[1]))) },
		"|(inet,inet)":          func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Or(in(v[1]))) },
		"+(inet,bigint)":        func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).Add(v[1].I)) },
		"-(inet,bigint)":        func(_ *Ctx, v []Datum) (string, error) { return inet(in(v[0]).SubInt(v[1].I)) },
		"-(inet,inet)": func(ctx *Ctx, v []Datum) (string, error) {
			n, err := in(v[0]).Sub(in(v[1]))
			return refInt(ctx, OIDInt8, n, err)
		},
		"trunc(macaddr)": func(_ *Ctx, v []Datum) (string, error) { return refResult(nil, OIDMacaddr, Str(MacTrunc(v[0].S)), nil) },
		"trunc(macaddr8)": func(_ *Ctx, v []Datum) (string, error) {
			return refResult(nil, OIDMacaddr8, Str(MacTrunc(v[0].S)), nil)
		},
		"~(macaddr)": func(_ *Ctx, v []Datum) (string, error) { return refResult(nil, OIDMacaddr, Str(MacNot(v[0].S)), nil) },
		"&(macaddr,macaddr)": func(_ *Ctx, v []Datum) (string, error) {
			return refResult(nil, OIDMacaddr, Str(MacAnd(v[0].S, v[1].S)), nil)
		},
		"|(macaddr8,macaddr8)": func(_ *Ctx, v []Datum) (string, error) {
			return refResult(nil, OIDMacaddr8, Str(MacOr(v[0].S, v[1].S)), nil)
		},
		"macaddr8_set7bit(macaddr8)": func(_ *Ctx, v []Datum) (string, error) {
			return refResult(nil, OIDMacaddr8, Str(Macaddr8Set7bit(v[0].S)), nil)
		},
		"macaddr(macaddr8)": func(_ *Ctx, v []Datum) (string, error) {
			m, err := Macaddr8ToMacaddr(v[0].S)
			return refResult(nil, OIDMacaddr, Str(m), err)
		},
	} {
		refRegister(sig, f)
	}
}
