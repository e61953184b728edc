"""What a wire calls a telling, by its first words (Reuters, AP, Business Wire, PR Newswire, dpa, Xinhua).

MENAFN re-cases headlines, so the case of letters tells nothing, and a separator must: "Correction in oil prices" is
plain news.
"""

import re

CORRECTION, UPDATE, WITHDRAWAL, REPEAT = "correction", "update", "withdrawal", "repeat"
_BREAK = r"(?:\s*(?:[:\u2014]|--|\.{2,}|[-\u2013]\s)|\s/\s)"
# Reuters writes "UPDATE 2-Oil". Before a bare hyphen other first words are words ("Correction-bound shares"), unless
# they stand in capitals.
_HYPHEN = rf"(?:\s?-|{_BREAK})"
_KINDS = {
    WITHDRAWAL: rf"\W*(?:story\s+withdrawn|(?:(?:mandatory\s+)?kill\W+){{2,}}|(?:hold\W+){{2,}}hold(?!:)\b"
    rf"|withdrawn{_BREAK}|(?-i:WITHDRAWN)-|retraction{_BREAK}|retracted{_BREAK}|advisory\s*[-\u2013]\s*story\s+withdrawn)",
    CORRECTION: rf"\W*(?:correct(?:ing|ed|s)\s+and\s+replac(?:ing|ed|es)|c\s+o\s+r\s+r\s+e\s+c\s+t\s+i\s+o\s+n"
    rf"|correct(?:ion|s){_BREAK}|(?-i:CORRECTION)-|corrected{_HYPHEN}|\(?corrected\)"
    rf"|clarification{_BREAK}|refile{_HYPHEN})",
    UPDATE: rf"\W*(?:update\s+\d+{_HYPHEN}|updated?{_BREAK}"
    rf"|\d(?:st|nd|rd|th)\s+(?:ld\b|(?-i:LEAD)\b|lead(?:{_HYPHEN}|\)))|\(?lead\){_BREAK})",
    REPEAT: rf"\W*(?:rpt\s*-|repeat{_BREAK}|(?-i:REPEAT)-)",
}
_KIND = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
_STARTS = 200


def kind_of(title: str, text: str) -> str:
    """What the wire says this telling is: a correction, an update, a withdrawal, a repeat; else nothing."""
    for kind, pattern in _KIND.items():
        if pattern.match(title) or (kind in (WITHDRAWAL, CORRECTION) and pattern.match(text[:_STARTS])):
            return kind
    return ""
