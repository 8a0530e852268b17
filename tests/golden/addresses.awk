# Where a truth says that mapped headers in use are: "place virtual" of the byte behind the header,
# one of 'step'. -v key=Offset or PageFile: which place; -v unit=: bytes of a header.

function text(key,    at, rest) {
    at = index($0, "\"" key "\":\"")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 4)
    return substr(rest, 1, index(rest, "\"") - 1)
}

# Adds to the last three digits, so that no number is too large for awk; no block in use begins so
# late that its content begins in the next page.
function behind(place,    low, i) {
    low = 0
    for (i = 3; i > 0; i--)
        low = low * 16 + index("0123456789abcdef", substr(place, length(place) - i + 1, 1)) - 1
    return sprintf("%s%03x", substr(place, 1, length(place) - 3), low + unit)
}

text(key) != "" && text("State") == "allocated" && text("Kind") == "" && text("Allocation") != "" &&
    n++ % step == 0 {
    print behind(text(key)), text("Allocation")
}
