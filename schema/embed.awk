# Turns SQL files into C. Two uses:
#   awk -v mode=header -f embed.awk queries.sql   the enum of named statements
#   awk -v mode=source -f embed.awk queries.sql writer.sql ... 001_x.sql ...
# In queries.sql a statement follows a line "-- :name NAME"; every other file
# becomes one text: NNN_*.sql a migration, the others by their name.
function flush_text() {
	if (open)
		printf ";\n"
	open = 0
}
function base(path) {
	sub(/.*\//, "", path)
	sub(/\.sql$/, "", path)
	return path
}
BEGIN {
	if (mode == "source")
		print "#include \"controller/store/sql.h\"\n"
}
FNR == 1 {
	flush_text()
	file = base(FILENAME)
	queries = (file == "queries")
	if (mode == "source" && !queries) {
		printf "static const char text_%s[] =\n", file
		open = 1
		if (file ~ /^[0-9]/)
			migrations[++migrations_n] = file
		else
			others[++others_n] = file
	}
}
queries && /^-- :name / {
	flush_text()
	names[++names_n] = $3
	if (mode == "source") {
		printf "static const char query_%s[] =\n", $3
		open = 1
	}
	next
}
mode == "source" && open {
	line = $0
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, " ", line)
	if (line !~ /^ *--/ && line !~ /^ *$/)
		printf "\"%s\\n\"\n", line
}
END {
	flush_text()
	if (mode == "header") {
		print "enum sql_query {"
		for (i = 1; i <= names_n; i++)
			printf "\tQ_%s,\n", names[i]
		print "\tSQL_QUERY_COUNT\n};"
		exit
	}
	print "const struct sql_named sql_queries[SQL_QUERY_COUNT] = {"
	for (i = 1; i <= names_n; i++)
		printf "\t{\"%s\", query_%s},\n", names[i], names[i]
	print "};"
	print "const char *const sql_migrations[] = {"
	for (i = 1; i <= migrations_n; i++)
		printf "\ttext_%s,\n", migrations[i]
	printf "};\nconst unsigned sql_migrations_n = %d;\n", migrations_n
	for (i = 1; i <= others_n; i++)
		printf "const char *const sql_%s = text_%s;\n", others[i], others[i]
}
