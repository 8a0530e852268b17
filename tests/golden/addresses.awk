# Where a truth says that mapped headers are: "physical virtual" of the byte behind the header, each
# twentieth one. -v unit=: bytes of a header.

function text(key,    at, rest) {
    at = index($0, "\"" key "\":\"")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 4)
    return substr(rest, 1, index(rest, "\"") - 1)
}

# The last four digits of an address, so that no number is too large for awk.
function behind(offset,    low, digits, i) {
    digits = "0123456789abcdef"
    low = 0
    for (i = 4; i > 0; i--)
        low = low * 16 + index(digits, substr(offset, length(offset) - i + 1, 1)) - 1
    return sprintf("%s%04x", substr(offset, 1, length(offset) - 4), low + unit)
}

text("Offset") != "" && text("Kind") == "" && text("Allocation") != "" && n++ % 20 == 0 {
    print behind(text("Offset")), text("Allocation")
}
