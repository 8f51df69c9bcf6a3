# shellcheck shell=bash
# Medians, ratios and how they are shown.

# median FILE [COLUMN]: of a column of numbers.
median() {
  awk -v column="${2:-1}" '{ print $column }' "$1" | sort -g |
    awk '{ all[NR] = $1 }
         END { print NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2 }'
}

# percentile FILE PERCENT: the number in a file of them that so many percent do not exceed.
percentile() {
  cut -d' ' -f1 "$1" | sort -g | awk -v percent="$2" '{ all[NR] = $1 }
    END { at = int(NR * percent / 100); print all[at < NR * percent / 100 ? at + 1 : at] }'
}

# spread FILE [COLUMN]: "lowest – highest" of a column, in ms.
spread() {
  awk -v column="${2:-1}" '{ print $column }' "$1" | sort -g |
    awk 'NR == 1 { low = $1 } { high = $1 }
         END { printf high < 99.95 ? "%.1f – %.1f" : "%.0f – %.0f", low, high }'
}

# highest FILE COLUMN
highest() { awk -v column="$2" '$column > most { most = $column } END { print most }' "$1"; }

# ratio A B: how many times A is as large as B.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { r = a / b; printf r < 9.95 ? "%.1f×" : "%.0f×", r }'; }

# percent A B: A as a part of B.
percent() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f %%", 100 * a / b }'; }

# ms NUMBER
ms() { awk -v n="$1" 'BEGIN { printf n < 9.95 ? "%.1f ms" : n < 9999.5 ? "%.0f ms" : "%.1f s", n < 9999.5 ? n : n / 1000 }'; }

# fine_ms NUMBER: of small ones, hundredths too.
fine_ms() { if awk "BEGIN { exit !($1 < 9.95) }"; then printf '%.2f ms' "$1"; else ms "$1"; fi; }

# kilo NUMBER: 12345 → 12.3 k
kilo() { awk -v n="$1" 'BEGIN { printf n < 1000 ? "%.0f" : "%.1f k", n < 1000 ? n : n / 1000 }'; }

# verdict A B GOAL: whether A / B reaches GOAL.
verdict() {
  awk -v a="$1" -v b="$2" -v goal="$3" \
    'BEGIN { printf "%s (goal: at least %s×)", (a / b >= goal ? "reached" : "**missed**"), goal }'
}

# at_most VALUE GOAL UNIT: whether VALUE stays within GOAL.
at_most() {
  awk -v value="$1" -v goal="$2" -v unit="$3" \
    'BEGIN { printf "%s (goal: at most %s%s)", (value <= goal ? "reached" : "**missed**"), goal, unit }'
}

# timed FILE COMMAND…: appends the milliseconds that COMMAND, a function or a program, took.
timed() {
  local file=$1 begin end
  shift
  begin=${EPOCHREALTIME/./}
  "$@"
  end=${EPOCHREALTIME/./}
  awk -v us="$((end - begin))" 'BEGIN { printf "%.3f\n", us / 1000 }' >>"$file"
}
