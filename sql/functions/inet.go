package functions

import "kimberlite/sql/types"

// Network address functions and operators (9.12): inet, cidr, macaddr and macaddr8.

func init() {
	registerInetParts()
	registerInetArith()
	registerMacaddr()
}

func inetOf(a types.Inet, err error) (types.Datum, error) { return types.Str(a.Pack()), err }

func registerInetParts() {
	part := func(src string, f func(a types.Inet) types.Datum) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return f(types.UnpackInet(a[0].S)), nil })
	}
	address := func(src string, f func(a types.Inet) types.Inet) {
		part(src, func(a types.Inet) types.Datum { return types.Str(f(a).Pack()) })
	}
	part("inet_abbrev", func(a types.Inet) types.Datum { return types.Str(a.Abbrev()) })
	part("cidr_abbrev", func(a types.Inet) types.Datum { return types.Str(a.AbbrevCidr()) })
	part("network_show", func(a types.Inet) types.Datum { return types.Str(a.Text()) })
	part("network_host", func(a types.Inet) types.Datum { return types.Str(a.Host()) })
	part("network_masklen", func(a types.Inet) types.Datum { return types.Int(int64(a.Bits)) })
	part("network_family", func(a types.Inet) types.Datum { return types.Int(int64(a.Family())) })
	address("network_network", types.Inet.Network)
	address("network_netmask", types.Inet.Netmask)
	address("network_hostmask", types.Inet.Hostmask)
	address("network_broadcast", types.Inet.Broadcast)
	address("inet_to_cidr", types.Inet.Network)
	scalar("inet_set_masklen", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return inetOf(types.UnpackInet(a[0].S).SetMasklen(int(a[1].I)))
	})
	scalar("cidr_set_masklen", func(_ *Call, a []types.Datum) (types.Datum, error) {
		v, err := types.UnpackInet(a[0].S).SetMasklen(int(a[1].I))
		return inetOf(v.Network(), err)
	})
}

func registerInetArith() {
	test := func(src string, f func(a, b types.Inet) bool) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
			return types.Bool(f(types.UnpackInet(a[0].S), types.UnpackInet(a[1].S))), nil
		})
	}
	both := func(src string, f func(a, b types.Inet) (types.Inet, error)) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) {
			return inetOf(f(types.UnpackInet(a[0].S), types.UnpackInet(a[1].S)))
		})
	}
	test("network_sub", func(a, b types.Inet) bool { return a.Within(b, false) })
	test("network_subeq", func(a, b types.Inet) bool { return a.Within(b, true) })
	test("network_sup", func(a, b types.Inet) bool { return b.Within(a, false) })
	test("network_supeq", func(a, b types.Inet) bool { return b.Within(a, true) })
	test("network_overlap", types.Inet.Overlaps)
	test("inet_same_family", func(a, b types.Inet) bool { return a.V6 == b.V6 })
	both("inet_merge", types.Inet.Merge)
	both("inetand", types.Inet.And)
	both("inetor", types.Inet.Or)
	scalar("inetnot", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return inetOf(types.UnpackInet(a[0].S).Not(), nil)
	})
	scalar("inetpl", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return inetOf(types.UnpackInet(a[0].S).Add(a[1].I))
	})
	scalar("inetmi_int8", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return inetOf(types.UnpackInet(a[0].S).SubInt(a[1].I))
	})
	scalar("inetmi", func(_ *Call, a []types.Datum) (types.Datum, error) {
		return intOf(types.UnpackInet(a[0].S).Sub(types.UnpackInet(a[1].S)))
	})
}

func registerMacaddr() {
	mac := func(src string, f func(a []types.Datum) string) {
		scalar(src, func(_ *Call, a []types.Datum) (types.Datum, error) { return types.Str(f(a)), nil })
	}
	for _, name := range []string{"macaddr", "macaddr8"} {
		mac(name+"_not", func(a []types.Datum) string { return types.MacNot(a[0].S) })
		mac(name+"_and", func(a []types.Datum) string { return types.MacAnd(a[0].S, a[1].S) })
		mac(name+"_or", func(a []types.Datum) string { return types.MacOr(a[0].S, a[1].S) })
		mac(name+"_trunc", func(a []types.Datum) string { return types.MacTrunc(a[0].S) })
	}
	mac("macaddrtomacaddr8", func(a []types.Datum) string { return types.MacaddrToMacaddr8(a[0].S) })
	mac("macaddr8_set7bit", func(a []types.Datum) string { return types.Macaddr8Set7bit(a[0].S) })
	scalar("macaddr8tomacaddr", func(_ *Call, a []types.Datum) (types.Datum, error) { return strOf(types.Macaddr8ToMacaddr(a[0].S)) })
}
