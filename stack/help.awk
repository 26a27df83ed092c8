# Lists the targets of a Makefile under their headings: "## Heading" and "target: needs ## what it does".
/^## / { printf "\n%s\n", substr($0, 4) }
/^[a-z]+:.* ## / {
    split($0, halves, / ## /)
    split(halves[1], target, ":")
    printf "  make %-11s %s\n", target[1], halves[2]
}
END { print "" }
