"""What users say they want becomes a checklist for the prompt they said it about; thanks and new questions do not."""

from components.records.schemas import Checklist

TEA = "How do I make tea?"


def test_wishes_about_one_prompt_are_one_list_oldest_first_each_said_once(story) -> None:
    first, second = story.answer(TEA, "Find a kettle."), story.answer(TEA, "Kettle!")
    said = [
        story.did("followup", first, polarity="dissatisfied", rubric="style", text="Shorter please!"),
        story.did("comment", second, text="please no lists"),
    ]
    story.did("comment", second, text="shorter, please")
    story.did("comment", second, user="bob", polarity="dissatisfied", rubric="insufficient_detail", text="Wie lange?")
    lists = Checklist.validate(story.made().checklists)
    assert lists.select("rater", "wishes").rows() == [
        ("ada", ["Shorter please!", "please no lists"]),
        ("bob", ["Wie lange?"]),
    ]
    assert lists["provenance"][0].to_list() == said
    assert lists["prompt"][0][0]["content"] == TEA


def test_thanks_verdicts_and_new_questions_are_no_wishes(story) -> None:
    tea = story.answer(TEA, "Boil water.")
    story.did("followup", tea, polarity="satisfied", rubric="gratitude", text="Thanks, please stay like that.")
    story.did("followup", tea, text="Please tell me how to brew coffee.")
    story.did("followup", tea, polarity="dissatisfied", rubric="factual_error", text="That's wrong.")
    story.did("comment", tea, text="nice")
    story.did("comment", tea, text="  ")
    story.did("comment", "f" * 32, text="shorter please")
    story.did("edit", tea, text="Please boil water.")
    assert story.made().checklists.is_empty()


def test_a_complaint_worded_as_a_wish_is_one_whatever_its_rubric_and_a_pasted_text_is_not(story) -> None:
    tea, soup = story.answer(TEA, "Boil water.", user=None), story.answer(TEA, "Boil it.", user=None)
    wanted = {"polarity": "dissatisfied", "rubric": "factual_error", "user": None}
    story.did("followup", tea, text="No, use metric units.", **wanted)
    story.did("followup", soup, text="Don't use slang.", **wanted)
    story.did("followup", soup, text="You should see this. " * 40, **wanted)
    assert story.made().checklists["wishes"].to_list() == [["No, use metric units."], ["Don't use slang."]]
