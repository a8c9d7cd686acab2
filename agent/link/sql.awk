# Named SQL statements (-- name: x) to rows SQL(x, "text") for an X-macro table.
function flush_row() {
	if (name != "")
		printf "SQL(%s, %s)\n", name, text
}
/^-- name: / { flush_row(); name = $3; text = ""; next }
/^--/ || /^[ \t]*$/ { next }
name != "" {
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	text = text "\"" $0 "\\n\"\n    "
}
END { flush_row() }
