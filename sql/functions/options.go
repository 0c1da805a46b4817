package functions

import (
	"strings"

	"kimberlite/sql/types"
)

func init() {
	set("pg_options_to_table", optionsToTable)
}

// optionsToTable splits name=value options (reloptions, fdwoptions): a row of name and value for each; an option without a value has NULL.
func optionsToTable(_ *Call, _ []types.T, a []types.Datum) (RowSource, error) {
	if a[0].Null {
		return noRows(), nil
	}
	list := types.ParseArray(a[0].S)
	rows := make([][]types.Datum, list.Len())
	for i := range rows {
		name, value, ok := strings.Cut(list.Elem(i).S, "=")
		rows[i] = []types.Datum{types.Str(name), {S: value, Null: !ok}}
	}
	return Rows(rows), nil
}
