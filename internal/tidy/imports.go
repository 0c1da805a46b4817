package tidy

// A layer's packages may import those of its own layer and of the layers listed, nothing else of this module. Paths are without the module's name; a
// trailing slash means everything below.
type layer struct {
	packages []string
	may      []string
	why      string
}

// layers is the direction of imports. What is missing in `may` is forbidden.
var layers = []layer{
	{[]string{"log"}, nil,
		"the log is the bottom: it stores events and knows nothing of what they mean"},
	{[]string{"sql/pgerr"}, nil,
		"an error type that everybody uses can use nobody"},
	{[]string{"sql/types"}, []string{"sql/pgerr"},
		"values are the ground floor of the SQL side"},
	{[]string{"projections"}, []string{"log", "sql/types", "sql/pgerr"},
		"applying an event must depend on the event and the state alone; expressions come in as an Evaluator"},
	{[]string{"consensus"}, []string{"log", "sql/pgerr"},
		"agreement knows positions and bytes, not rows; the projector comes in as an Applier"},
	{[]string{"consensus/transport"}, nil,
		"it carries raft's messages and knows neither the group that they are for nor what the events in them mean"},
	{[]string{"txn"}, []string{"projections", "consensus", "log", "sql/types", "sql/pgerr"},
		"transactions know rows and locks, not SQL"},
	{[]string{"sql/tree"}, []string{"sql/types", "sql/pgerr"},
		"the typed tree is data that all of the SQL side shares"},
	{[]string{"sql/catalog", "sql/catalog/"}, []string{"sql/tree", "sql/types", "sql/pgerr", "sql/functions", "sql/deparse", "projections", "log"},
		"descriptors are stored by the projections, and used by everybody above"},
	{[]string{"sql/functions", "sql/functions/"}, []string{"sql/catalog", "sql/tree", "sql/types", "sql/pgerr", "projections", "log"},
		"a function sees its arguments and what functions.Session gives it, never a session itself"},
	{[]string{"sql/parser", "sql/parser/"}, []string{"sql/types", "sql/pgerr"},
		"grammar only: no catalog, no types of expressions"},
	{[]string{"sql/deparse"}, []string{"sql/catalog", "sql/functions", "sql/tree", "sql/parser", "sql/types", "sql/pgerr"},
		"printing a tree needs names, not plans"},
	{[]string{"sql/analyze"}, []string{"sql/parser", "sql/deparse", "sql/catalog", "sql/functions", "sql/tree", "sql/types", "sql/pgerr"},
		"analysis must not depend on how a statement is planned or run"},
	{[]string{"exec/plan"}, []string{"sql/catalog", "sql/functions", "sql/tree", "sql/types", "sql/pgerr", "projections"},
		"plan nodes are data: the language between planner and executor"},
	{[]string{"exec"}, []string{"exec/plan", "txn", "projections", "sql/catalog", "sql/functions", "sql/tree", "sql/deparse", "sql/types", "sql/pgerr", "log"},
		"the executor runs plans; who made them, and for which session, is not its business"},
	{[]string{"planner", "planner/"}, []string{"exec", "exec/plan", "sql/analyze", "sql/deparse", "sql/catalog", "sql/functions", "sql/tree", "sql/types", "sql/pgerr", "projections"},
		"plans depend on the tree, the catalog and statistics, not on a session or a protocol"},
	{[]string{"sql/ddl"}, []string{"pgwire", "planner", "exec", "exec/plan", "txn", "projections", "sql/analyze", "sql/parser", "sql/deparse", "sql/catalog", "sql/functions", "sql/tree", "sql/types", "sql/pgerr", "log"},
		"definition statements change the catalog through a small environment that the session provides; of pgwire they use the forms of stored passwords"},
	{[]string{"pgwire"}, []string{"sql/types", "sql/pgerr"},
		"the protocol calls SQL through its own Engine and Session interfaces, so that either can be replaced in a test"},
	{[]string{"sql/session"}, []string{"pgwire", "sql/ddl", "planner", "exec", "exec/plan", "txn", "projections", "consensus", "sql/analyze", "sql/parser", "sql/deparse", "sql/catalog",
		"sql/functions", "sql/tree", "sql/types", "sql/pgerr", "log"},
		"the session implements pgwire's contract (pgwire/session.go); that is the one arrow that points up, and pgwire imports nothing of it"},
	{[]string{"server/logging"}, nil, "logging serves every component"},
	{[]string{"server/config"}, []string{"server/logging"}, "settings are plain values; what they configure is put together in server"},
}

// bans are imports from outside of the module that some packages must not make, with the reason.
var bans = []struct {
	packages []string
	imports  []string
	why      string
}{
	{[]string{"projections"}, []string{"math/rand", "math/rand/v2", "crypto/rand", "net", "net/http"},
		"replaying the same log must give the same state: nothing random, nothing from a network at apply time"},
	{[]string{"log", "projections"}, []string{"os"},
		"all files go through Pebble's vfs.FS, so that tests can cut the power"},
	{[]string{"log", "consensus", "projections", "txn", "exec", "planner", "sql/"}, []string{"github.com/prometheus/client_golang/prometheus", "net/http"},
		"lower layers count with plain atomics; server shows them"},
	{[]string{"log", "consensus", "projections", "txn", "exec", "planner", "sql/", "pgwire"}, []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/pelletier/go-toml/v2", "flag"},
		"configuration is read by server alone and handed down as values"},
	{[]string{"sql/", "planner", "exec", "txn", "projections", "consensus", "log"}, []string{"github.com/jackc/pgx/v5", "github.com/jackc/pgproto3/v2"},
		"messages and clients belong to pgwire and to tests"},
}
