# shellcheck shell=bash
# Medians, ratios and how they are shown.

# median FILE [COLUMN]: of a column of numbers.
median() {
  awk -v column="${2:-1}" '{ print $column }' "$1" | sort -g |
    awk '{ all[NR] = $1 }
         END { print NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2 }'
}

# spread FILE: "lowest – highest" of its first column, in ms.
spread() { sort -g "$1" | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.0f – %.0f", low, high }'; }

# highest FILE COLUMN
highest() { awk -v column="$2" '$column > most { most = $column } END { print most }' "$1"; }

# ratio A B: how many times A is as large as B.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { r = a / b; printf r < 9.95 ? "%.1f×" : "%.0f×", r }'; }

# ms NUMBER
ms() { awk -v n="$1" 'BEGIN { printf n < 9.95 ? "%.1f ms" : n < 9999.5 ? "%.0f ms" : "%.1f s", n < 9999.5 ? n : n / 1000 }'; }

# kilo NUMBER: 12345 → 12.3 k
kilo() { awk -v n="$1" 'BEGIN { printf n < 1000 ? "%.0f" : "%.1f k", n < 1000 ? n : n / 1000 }'; }

# verdict A B GOAL: whether A / B reaches GOAL.
verdict() {
  awk -v a="$1" -v b="$2" -v goal="$3" \
    'BEGIN { printf "%s (goal: at least %s×)", (a / b >= goal ? "reached" : "**missed**"), goal }'
}
