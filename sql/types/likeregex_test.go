package types_test

import _ "kimberlite/sql/functions" // like_regex's regular expressions
