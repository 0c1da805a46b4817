package session

import "time"

// oftenRead are the settings that every statement asks for, in the form in which it needs them: looking them up by name and reading numbers from text took
// a twentieth of a short statement.
type oftenRead struct {
	epoch uint64 // of the settings they were taken from; valid tells whether any were
	valid bool

	searchPath        string
	applicationName   string
	isolation         string
	readOnly          bool
	statementTimeout  time.Duration
	lockTimeout       time.Duration
	deadlockTimeout   time.Duration
	idleTimeout       time.Duration
	idleInTxTimeout   time.Duration
	logMinDuration    float64 // milliseconds; negative is off
	hashMemMultiplier float64
	tempFileLimit     int64 // bytes; not positive is none
}

// often returns them as they are now.
func (s *settings) often() *oftenRead {
	o := &s.cached
	if o.valid && o.epoch == s.epoch {
		return o
	}
	*o = oftenRead{
		epoch: s.epoch, valid: true,
		searchPath: s.str("search_path"), applicationName: s.str("application_name"),
		isolation: s.str("default_transaction_isolation"), readOnly: s.boolean("default_transaction_read_only"),
		statementTimeout: s.duration("statement_timeout"), lockTimeout: s.duration("lock_timeout"), deadlockTimeout: s.duration("deadlock_timeout"),
		idleTimeout: s.duration("idle_session_timeout"), idleInTxTimeout: s.duration("idle_in_transaction_session_timeout"),
		logMinDuration: s.number("log_min_duration_statement"), hashMemMultiplier: s.number("hash_mem_multiplier"),
		tempFileLimit: int64(s.number("temp_file_limit")) * 1024,
	}
	return o
}
