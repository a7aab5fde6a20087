"""The class page as a real browser takes it: sorted, filtered, on a phone, in the dark, and without the script."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from course_utils.engine.telling.pages.classroom import class_page
from course_utils.engine.telling.results import all_texts

from .simulated import whole_course
from .test_pages import make_record

PATIENCE = 120_000  # milliseconds for what a page does at once on a quiet machine
WIDTH = 390

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Of each text that is shown: its colour, that of what it stands on, and the contrast of the two, where it is too low.
LOW_CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = {}, walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, style = getComputedStyle(element);
    if (!walk.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    count += 1;
    const ink = parse(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) low[`${element.tagName} ${element.className} ${contrast.toFixed(2)}`] = 1;
  }
  return [count, Object.keys(low)];
}"""


@pytest.fixture(scope="module")
def window(browser):
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The pages of a class of 40 over all units, by language and whether they have names."""
    made, folder = whole_course(students=40, seed=5), tmp_path_factory.mktemp("pages")
    for language in ("en", "zh"):
        for names in (True, False):
            page = class_page(made.records, all_texts(), language, made.terms, names=names)
            (folder / f"{language}-{names}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture
def opened(window, files):
    """A function: a page that is open, in a window of its own."""
    contexts = []

    def open_page(name, **options):
        contexts.append(window.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.goto((files / f"{name}.html").as_uri() if isinstance(name, str) else name.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def column(table, place):
    """The texts of a column, from the top, without rows that are hidden."""
    return table.evaluate(
        "(table, place) => Array.from(table.tBodies[0].rows).filter(row => !row.hidden)"
        ".map(row => Array.from(row.cells).at(place).textContent)",
        place,
    )


def number(text):
    return float(re.match(r"\(?(\d+(\.\d+)?)", text)[1])


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(opened):
    page = opened("en-True")
    table = page.locator("#unit-8 table.grid")
    button = table.get_by_role("button", name="Sum")
    names = column(table, 0)
    button.click()
    sums = [number(text) for text in column(table, -1)]
    assert sums == sorted(sums)
    assert len(set(sums)) > 3
    assert table.get_by_role("columnheader", name="Sum").get_attribute("aria-sort") == "ascending"
    button.click()
    assert [number(text) for text in column(table, -1)] == sums[::-1]
    table.get_by_role("button", name="Student").click()
    assert sorted(column(table, 0)) == sorted(names)


def test_checks_are_sorted_by_difficulty_with_those_without_one_below(opened):
    page = opened("zh-False")
    table = page.locator("#unit-4 table.items")
    for _ in range(2):
        table.locator("thead button").nth(2).click()
        told = [text.split()[0] for text in column(table, 2)]
        values = [float(text.replace("\N{MINUS SIGN}", "-")) for text in told if text != "–"]
        assert told[len(values) :] == ["–"] * (len(told) - len(values))
        assert values in (sorted(values), sorted(values, reverse=True))


def test_the_keyboard_sorts_too(opened):
    page = opened("en-True")
    button = page.locator("#unit-8 table.grid").get_by_role("button", name="Sum")
    button.focus()
    page.keyboard.press("Enter")
    expect(button.locator("xpath=..")).to_have_attribute("aria-sort", "ascending")


def test_a_filter_keeps_the_rows_with_all_its_words_and_counts_them(opened):
    page = opened("en-True")
    unit = page.locator("#unit-1")
    field = unit.get_by_label("Show rows with").first
    field.fill("müller anna")
    kept = column(unit.locator("table.grid"), 0)
    assert kept
    assert all("Müller" in name and "Anna" in name for name in kept)
    expect(unit.get_by_role("status").first).to_have_text(f"{len(kept)} of 40 rows")
    field.fill("")
    assert len(column(unit.locator("table.grid"), 0)) == 40


def test_a_filter_knows_the_words_of_states(opened):
    page = opened("en-True")
    unit = page.locator("#unit-2")
    unit.get_by_label("Show rows with").first.fill("time ran out")
    rows = unit.locator("table.grid tbody tr:visible")
    assert 0 < rows.count() < 40
    assert all(row.locator(".timeout").count() for row in rows.all())


def test_a_states_word_is_told_to_who_listens(opened):
    page = opened("en-True")
    told = page.locator("#unit-1 table.grid tbody").aria_snapshot()
    assert re.search(r'cell "Passed: \d', told)
    assert re.search(r'cell "Partly right: [\d.]+ ?, by a person"', told)


def test_without_the_script_everything_stands_there_and_nothing_can_be_clicked_in_vain(opened):
    page = opened("en-True", java_script_enabled=False)
    assert page.locator("button, input").count() == 0
    assert page.locator("#unit-1 table.grid tbody tr").count() == 40


def test_another_script_does_not_run(opened, files, tmp_path):
    page = (files / "en-True.html").read_text(encoding="utf-8")
    attack = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
    (tmp_path / "page.html").write_text(page.replace("<header>", f"{attack}<header>"), encoding="utf-8")
    assert opened(tmp_path / "page.html").title() == "Class: All units"


@pytest.mark.parametrize("name", ["en-True", "zh-True", "en-False", "zh-False"])
def test_on_a_phone_nothing_but_tables_is_wider_than_the_window(opened, name):
    page = opened(name, viewport={"width": WIDTH, "height": 844})
    for number in range(1, 9):  # a unit far from the window has no layout yet
        page.locator(f"#unit-{number}").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["en-True", "zh-False"])
def test_every_text_has_the_contrast_that_wcag_asks_for(opened, name, scheme):
    page = opened(name, color_scheme=scheme)
    page.add_style_tag(content=".unit { content-visibility: visible !important }")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    count, low = page.evaluate(LOW_CONTRAST)
    assert count > 500
    assert low == []


def test_in_print_there_is_nothing_to_click_and_every_unit_is_drawn(opened):
    page = opened("en-True")
    page.emulate_media(media="print")
    expect(page.get_by_label("Show rows with").first).to_be_hidden()
    expect(page.get_by_text("This page holds one small script")).to_be_hidden()
    for number in range(1, 9):
        assert page.locator(f"#unit-{number} table.grid tbody tr").last.bounding_box()["height"] > 5
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") > 8


def test_the_smallest_class_has_a_page_that_works(opened, tmp_path):
    (tmp_path / "page.html").write_text(class_page([make_record()], {}, "en"), encoding="utf-8")
    page = opened(tmp_path / "page.html")
    page.get_by_role("button", name="Sum").click()
    assert page.locator("table.grid tbody tr").count() == 1
