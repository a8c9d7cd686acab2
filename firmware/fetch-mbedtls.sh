#!/bin/sh
# fetch-mbedtls.sh FOLDER: Debian's mbedTLS source, unpacked as FOLDER/mbedtls.
#
# The machine's own Debian entries are used as deb-src entries, in a
# private apt configuration, so nothing of the system's apt changes; apt's
# signatures and dpkg-source's hashes decide whether the source is genuine.
# Several builds may call this at once; the first one does the work.
set -eu

folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/.lock"
flock -w 600 9
[ -e "$folder/mbedtls/.complete" ] && exit 0

work=$folder/fetch
rm -rf "$work" "$folder/mbedtls"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts" \
	"$work/source"
trap 'rm -rf "$work"' EXIT

# One-line entries: suites of this release, component main.
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
	awk '$1 == "deb" {
		options = ""; at = 2
		if ($at ~ /^\[/) {
			while ($at !~ /\]$/) options = options $(at++) " "
			options = options $(at++) " "
		}
		sub(/arch=[^] ]*/, "", options)
		if ($(at + 1) !~ /^bookworm(-updates|-security)?$/) next
		for (i = at + 2; i <= NF; i++)
			if ($i == "main")
				print "deb-src " options $at " " $(at + 1) " main"
	}' | sort -u >"$work/parts/machine.list"

# deb822 paragraphs: the same choice; everything else (keys) is kept.
for file in /etc/apt/sources.list.d/*.sources; do
	[ -e "$file" ] || continue
	awk 'BEGIN { RS = ""; FS = "\n" }
	{
		types = suites = main = 0; text = ""; enabled = 1
		for (i = 1; i <= NF; i++) {
			line = $i
			if (line ~ /^#/) continue
			if (line ~ /^Enabled:[ \t]*no/) enabled = 0
			if (line ~ /^Types:/) {
				types = line ~ /(^|[ \t])deb([ \t]|$)/
				line = "Types: deb-src"
			} else if (line ~ /^Suites:/) {
				n = split(line, word, /[ \t]+/); line = "Suites:"
				for (k = 2; k <= n; k++)
					if (word[k] ~ /^bookworm(-updates|-security)?$/) {
						line = line " " word[k]; suites = 1
					}
			} else if (line ~ /^Components:/) {
				main = line ~ /[ \t]main([ \t]|$)/
				line = "Components: main"
			} else if (line ~ /^Architectures:/) continue
			text = text line "\n"
		}
		if (types && suites && main && enabled) print text
	}' "$file" >"$work/parts/$(basename "$file")"
done
cat "$work/parts"/* | grep -q deb-src || {
	echo "fetch-mbedtls: no Debian 12 entry in /etc/apt" >&2
	exit 1
}

cat >"$work/apt.conf" <<CONF
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/parts";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
export APT_CONFIG="$work/apt.conf"

cd "$work/source"
apt-get -qq update >"$work/log" 2>&1 &&
	apt-get -qq source --download-only mbedtls >>"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
# apt has checked the hashes up to the archive's signed Release file;
# dpkg-source checks them once more on unpacking.
dpkg-source -x ./*.dsc tree >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
touch tree/.complete
mv tree "$folder/mbedtls"
