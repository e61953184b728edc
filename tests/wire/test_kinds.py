import pytest

from wire.kinds import CORRECTION, REPEAT, UPDATE, WITHDRAWAL, kind_of


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("C O R R E C T I O N -- Acme Inc.", CORRECTION), ("/C O R R E C T I O N -- Acme/", CORRECTION),
        ("Correcting And Replacing Acme Reports Results", CORRECTION), ("CORRECTED-UPDATE 1-Oil slips", CORRECTION),
        ("Correction: Oil prices", CORRECTION), ("REFILE-Oil slips", CORRECTION), ("Clarification: on oil", CORRECTION),
        ("UPDATE 2-Oil slips", UPDATE), ("Update 2-Oil Slips", UPDATE), ("2nd LD: China opens port", UPDATE),
        ("RPT-Oil slips", REPEAT), ("REPEAT: Oil slips", REPEAT),
        ("STORY WITHDRAWN", WITHDRAWAL), ("Advisory-Story Withdrawn", WITHDRAWAL), ("KILL KILL KILL", WITHDRAWAL),
        ("HOLD HOLD HOLD", WITHDRAWAL), ("WITHDRAWN: Oil slips", WITHDRAWAL),
        ("Correction in oil prices deepens", ""), ("Update on flights to Doha", ""), ("Repeat offender jailed", ""),
        ("Kill Bill returns to screens", ""), ("Hold on to your hats", ""), ("Retraction of glaciers quickens", ""),
        ("Corrected vision for all", ""), ("", ""),
        ("1st Ld-Writethru: Oil slips", UPDATE), ("Correction -- Oil slips", CORRECTION), ("Repeat - Oil slips", REPEAT),
        ("(2nd LD) N. Korea fires missile", UPDATE), ("2nd LD Writethru: Oil", UPDATE), ("2ND LEAD US strikes", UPDATE),
        ("CORRECTION- Oil", CORRECTION), ("CORRECTION-Oil prices", CORRECTION), ("WITHDRAWN-Oil slips", WITHDRAWAL),
        ("Withdrawn-account holders sue bank", ""), ("Retraction/extension cylinders", ""),
        ("Correction-bound Nasdaq slides", ""), ("Update-resistant phones", ""), ("Repeat-offender jailed", ""),
        ("1st lead investor joins", ""), ("Hold Hold Hold: What analysts say", ""),
    ],
)  # fmt: skip
def test_a_wire_says_by_its_first_words_what_a_telling_is(title: str, kind: str) -> None:
    assert kind_of(title, "Plain text.") == kind


def test_a_correction_may_be_said_in_the_text_alone() -> None:
    assert kind_of("Acme grows", "/C O R R E C T I O N -- Acme Inc./ In the news release…") == CORRECTION
    assert kind_of("Acme grows", "UPDATE 2-Oil slips") == ""
