// Package types is the ground floor of the SQL side: what a value is, and what PostgreSQL 15's types do with values: text and
// binary input and output, order, hashes, index keys, type modifiers, and the arithmetic that needs a type's inside
// (numeric, date and time, json, network addresses). Functions and operators by name are package functions' business.
//
// Words. A datum is one value (Datum); a vector a column of them (Vec); a batch some vectors (Batch). A class says which half of a
// datum a type uses (Fixed: the int64, Bytes: the string). The packed form is what a Bytes value's string holds. A typmod is a type's
// modifier, as in pg_attribute. A stand-in is the built-in type that compares, hashes and encodes a user's type (StandIn).
//
// Invariants:
//
//	T1. A packed form is immutable and self-contained: no pointer, no reference to a catalog, same bytes on every machine.
//	T2. Equal packed forms are identical values, and identical values have equal packed forms (a numeric's scale is part of it).
//	T3. The order of the bytes of two keys is the order of the two values by Compare; nulls lie where the index says.
//	T4. Equal by Compare implies equal by Hash.
//	T5. In(Text(v)) is v again for every value and every setting of Ctx that PostgreSQL calls reversible; Recv(AppendBinary(v)) always is.
//	T6. Nothing here depends on a clock, a map's order or a random source; the transaction's time comes with Ctx.
//	T7. Text from a client never causes a panic: it is an error with PostgreSQL's SQLSTATE and words.
//	T8. Arrays, records and ranges carry the type and the stand-in of what they hold, so that T3 and T4 hold without a catalog.
//
// The life of one value: a client's text comes to In (api.go), which finds the type's operations (ops.go; usertypes.go for
// enums, domains, row types and arrays) and calls its input function (int.go, float.go, text.go, numeric_text.go, ...); the datum travels
// in vectors (vec.go) through exec, is compared and hashed (compare.go), becomes a key in an index (keys.go), and goes out by AppendText or
// AppendBinary.
//
// Files by topic: types.go, vec.go, ctx.go, info.go the contracts; builtin.go and builtin.tsv PostgreSQL's pg_type, written by gen together
// with oids.go; format.go and typmod.go names and modifiers; numeric*.go; text.go, bytea.go (also uuid and bit strings), scalar.go (bool, oids,
// pg_lsn, tid, reg*), money.go; array*.go, record.go, range*.go the containers; geo.go; datetime*.go, timezone.go, interval*.go;
// json*.go; inet*.go, macaddr*.go.
//
// Not here: casts between types other than the length coercions (functions), the constraints of domains (exec), collations other than C.
//
// Start debugging with a case in testdata/forms or testdata/pg: with -reference the same file asks a PostgreSQL for its answer.
package types
