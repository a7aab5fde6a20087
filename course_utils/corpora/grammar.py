"""Texts of our own for readers without a corpus: film reviews and headlines, written by a small grammar.

They are made to show something, and every figure drawn from them says that they are not real.

*Reviews*, two classes. Most hold a praising and a blaming word, and the order of the words says which one is meant:
"the acting is dull, but the story is tender" and its mirror. Others hold one such word, with a negation somewhere
before it or without one. So counting words tells little, counting them together tells more, reading in order tells all.

*Headlines*, four classes in the manner of a news agency, a title and a description. Classes share words, and a part of
the stories touches a second class: what the main clause is about decides.

Notable choices:
- a pattern (which link joins which clauses) is either for training or for testing, never for both, while every word of
  a test text occurs in training texts too: a test asks for the rule, not for memory;
- within every pattern the classes are drawn with equal chance, so a pattern tells nothing about the class;
- only `Random.random` is used, the one method whose numbers Python promises to keep for a seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import TypeVar

from course_utils.corpora.corpus import Texts

Item = TypeVar("Item")

REVIEW_SIZES = (4_000, 1_000)  # to train on, to test on
HEADLINE_SIZES = (4_000, 1_000)

# --- reviews: words -------------------------------------------------------------------------------------------------

PRAISE = "gripping tender brilliant charming witty moving graceful clever superb thrilling warm touching".split()
BLAME = "dull clumsy boring shallow tedious hollow lazy awful bland stale wooden dreary".split()
ASPECTS = "acting story script music ending dialogue plot humour pacing opening editing lighting direction".split()
FILMS = ("film", "picture", "drama", "comedy", "thriller", "western", "sequel", "debut")
ADVERBS = ("really", "quite", "simply", "rather", "truly", "plainly", "often", "surprisingly")
OTHERS = (
    "my brother",
    "my neighbour",
    "the man beside me",
    "our teacher",
    "the critic on the radio",
    "a friend of mine",
    "the whole family",
    "the young couple behind us",
    "the newspaper",
    "my old aunt",
)

OPENINGS = (
    "We saw this {film} on a rainy evening.",
    "I went in without knowing anything.",
    "The cinema was half full.",
    "This {film} was made on a small budget.",
    "It runs for almost two hours.",
    "My sister gave me the tickets.",
    "I had waited a year for this {film}.",
    "It is set in a fishing village.",
    "The director has made one {film} before.",
    "There were no trailers that night.",
)
CLOSINGS = (
    "It ends with a long shot of the sea.",
    "We talked about it on the way home.",
    "The credits rolled and the lights went on.",
    "It is out on disc this spring.",
    "There is a book behind it.",
    "I saw it twice in one week.",
    "The next {film} is due in autumn.",
    "A good part of it was shot at night.",
    "Some of it is in black and white.",
    "The hall was quiet afterwards.",
)

# --- reviews: patterns ----------------------------------------------------------------------------------------------

# In a clause, {word} praises or blames. No link stands next to it, so no pair of neighbouring words tells the class.
CLAUSES = (
    "the {aspect} is {adverb} {word}",
    "the {aspect} felt {word} to me",
    "it has a {word} {aspect}",
    "the {aspect} turned out {adverb} {word}",
    "one remembers a {word} {aspect}",
    "the {aspect} of this {film} stays {word} throughout",
    "there is something {word} about the {aspect}",
    "you get a {word} {aspect} in nearly every scene",
)
# {same} is the clause that agrees with the class, {other} the one that does not. In most of them the later one counts,
# which an encoder finds first; the others ask it to read the link.
CONTRASTS = (
    "{other}, but {same}.",
    "Although {other}, {same}.",
    "{same}, although {other}.",
    "{other}. And yet {same}.",
    "Even if {other}, {same}.",
    "True, {other}, but on the whole {same}.",
    "What counts is that {same}, even though {other}.",
    "While {other}, in the end {same}.",
)
OPINIONS = (
    "found the {aspect} {adverb} {word}",
    "called it a {word} {film}",
    "thought that the {aspect} was {word}",
    "spoke of a {word} {aspect}",
    "saw a {word} {film} with a long {aspect}",
    "kept saying how {word} the {aspect} was",
)
SPEAKERS = (
    "{Others} {other}, while I {same}.",
    "{Others} {other}. I for one {same}.",
    "I {same}, while {others} {other}.",
    "Where {others} {other}, I {same}.",
    "Unlike {others}, who {other}, I {same}.",
    "I know that {others} {other}, but I {same}.",
    "I for one {same}. {Others} {other}.",
    "{Others} {other}, and still I {same}.",
)
# The same words around one clause, as it is meant and turned round.
LEADS = (
    ("I would say that {clause}.", "I would not say that {clause}."),
    ("Anyone can see that {clause}.", "Nobody can say that {clause}."),
    ("It is true that {clause}.", "It is not true that {clause}."),
    ("There is a moment when {clause}.", "There is no moment when {clause}."),
    ("We always had the feeling that {clause}.", "We never had the feeling that {clause}."),
    ("I do think that {clause}.", "I do not think that {clause}."),
    ("After this evening I can tell you that {clause}.", "After this evening I cannot tell you that {clause}."),
    ("They have managed it: {clause}.", "They have failed to convince me that {clause}."),
)

# How many of a hundred texts are of each kind.
SHARES = {"contrast": 24, "speaker": 22, "meant": 39, "turned": 15}


def reviews(seed: int = 0, sizes: tuple[int, int] = REVIEW_SIZES) -> tuple[Texts, Texts]:
    """(training, test) reviews of 10 to 40 words, label 0 negative and 1 positive; no text occurs twice."""
    random = Random(f"reviews {seed}")
    seen: set[str] = set()
    return _collect(random, sizes[0], 2, seen, _review, "train"), _collect(random, sizes[1], 2, seen, _review, "test")


def _review(random: Random, label: int, part: str) -> str:
    kind = _pick(random, [kind for kind, share in SHARES.items() for _ in range(share)])
    same, other = (PRAISE, BLAME) if label else (BLAME, PRAISE)
    film, adverb = _pick(random, FILMS), _pick(random, ADVERBS)
    first, second = _two(random, ASPECTS)

    def clause(pattern: str, words: Sequence[str], aspect: str) -> str:
        return pattern.format(word=_pick(random, words), aspect=aspect, film=film, adverb=adverb)

    if kind == "contrast":
        link, one, two = _pattern(random, part, (CONTRASTS, CLAUSES, CLAUSES), 4)
        core = link.format(other=clause(one, other, first), same=clause(two, same, second))
    elif kind == "speaker":
        link, one, two = _pattern(random, part, (SPEAKERS, OPINIONS, OPINIONS), 4)
        speaker = _pick(random, OTHERS)
        opinions = {"other": clause(one, other, first), "same": clause(two, same, second)}
        core = link.format(others=speaker, Others=_capital(speaker), **opinions)
    else:
        leads = tuple(pair[kind == "turned"] for pair in LEADS)
        lead, one = _pattern(random, part, (leads, CLAUSES), 4)
        core = lead.format(clause=clause(one, same if kind == "meant" else other, first))
    after = random.random() < 0.6
    sentences = [_pick(random, OPENINGS).format(film=film)] if not after or random.random() < 0.1 else []
    sentences.append(_capital(core))
    if after:
        sentences.append(_pick(random, CLOSINGS).format(film=film))
    return _articles(" ".join(sentences))


def _pattern(random: Random, part: str, choices: tuple[Sequence[str], ...], every: int) -> list[str]:
    """One of each row; which pairs of the first two rows meet is settled by the part, so no pattern is in both."""
    patterns = [
        numbers
        for numbers in product(*(range(len(row)) for row in choices))
        if ((numbers[0] + numbers[1]) % every == every - 1) == (part == "test")
    ]
    numbers = _pick(random, patterns)
    return [row[number] for row, number in zip(choices, numbers, strict=True)]


# --- headlines: words -----------------------------------------------------------------------------------------------

CITIES = "Lisbon Nairobi Oslo Lima Manila Vienna Tunis Quito Dublin Seoul Accra Toronto Prague Jakarta Bogota".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

# Per class: who acts, what they do (after `may`, and as it was done), and what happens, as a noun.
# Words such as match, court, record, strike, market, launch, goal, network and deal stand in several classes.
ACTORS = (
    (
        "the prime minister,the rebels,the border guards,the parliament,the peace envoy,the opposition,the army,"
        "the election court,the refugees,the foreign minister,the governor,the aid workers"
    ),
    (
        "the home side,the young striker,the national team,the coach,the champion,the goalkeeper,the relay squad,"
        "the top seed,the cycling team,the visitors,the club captain,the rowing crew"
    ),
    (
        "the central bank,the airline,the steel maker,the oil company,the retailer,the investors,the insurer,"
        "the car maker,the pension fund,the trading house,the bakery chain,the shareholders"
    ),
    (
        "the researchers,the space agency,the chip maker,the software firm,the astronomers,the search engine,"
        "the engineers,the biologists,the phone maker,the lab,the open source group,the game studio"
    ),
)
ACTIONS = (
    (
        "call for talks:called for talks,reject the ceasefire:rejected the ceasefire,"
        "cross the border:crossed the border,sign a peace deal:signed a peace deal,"
        "win the vote:won the vote,lose the capital:lost the capital,"
        "free the hostages:freed the hostages,go on strike:went on strike,launch an attack:launched an attack,"
        "take the case to court:took the case to court,promise aid:promised aid,defend the treaty:defended the treaty"
    ),
    (
        "win the final:won the final,lose the opening match:lost the opening match,break the record:broke the record,"
        "score a late goal:scored a late goal,sign a new deal:signed a new deal,defend the title:defended the title,"
        "miss the season:missed the season,reach the last eight:reached the last eight,"
        "launch an attack on the lead:launched an attack on the lead,strike twice before half time:struck twice before "
        "half time,return to the court:returned to the court,draw away from home:drew away from home"
    ),
    (
        "raise prices:raised prices,cut jobs:cut jobs,report a record profit:reported a record profit,"
        "lose market share:lost market share,sign a supply deal:signed a supply deal,reject the bid:rejected the bid,"
        "sell the network of shops:sold the network of shops,win the takeover:won the takeover,"
        "lower the growth goal:lowered the growth goal,file for bankruptcy in court:filed for bankruptcy in court,"
        "buy a rival:bought a rival,defend the dividend:defended the dividend"
    ),
    (
        "launch a probe:launched a probe,release a new version:released a new version,map the genome:mapped the genome,"
        "find a security hole:found a security hole,test a faster network:tested a faster network,"
        "break the speed record of chips:broke the speed record of chips,strike water on a moon:struck water on a moon,"
        "open the code:opened the code,match two strands of data:matched two strands of data,"
        "cut the power use of servers:cut the power use of servers,reach the orbit:reached the orbit,"
        "block a computer worm:blocked a computer worm"
    ),
)
EVENTS = (
    (
        "a week of border clashes,the disputed vote,the failed peace talks,a new round of sanctions,the embassy attack,"
        "the army's retreat,months of protest,the summit on refugees,the hostage crisis,the change of government"
    ),
    (
        "a defeat in the cup final,the injury of a striker,a doping test,the opening match of the season,"
        "the sacking of a coach,a record transfer,the medal ceremony,a penalty in extra time,the world title race,"
        "a week of league matches"
    ),
    (
        "a fall of the stock market,the rise of oil prices,weak quarterly results,a hostile bid,the rate decision,"
        "a strike at the plant,record debts,the merger talks,a rush on the shares,a warning on profits"
    ),
    (
        "the launch of a satellite,a flaw in the browser,the discovery of a fossil,a test of the wireless network,"
        "the spread of an email worm,a breakthrough in chip design,the failure of a server,the landing on Mars,"
        "the release of the new software,a study of the ozone layer"
    ),
)
SOURCES = "officials,observers,people close to the matter,a spokesman,a statement,local media,two witnesses,a report"

# What anyone may do, in any class.
COMMON_ACTIONS = (
    "reject the offer:rejected the offer,sign the deal:signed the deal,change the plan:changed the plan,"
    "go to court:went to court,start again:started again,wait for an answer:waited for an answer,"
    "break the silence:broke the silence,lose patience:lost patience,ask for more time:asked for more time,"
    "welcome the news:welcomed the news,set a new date:set a new date,call it a record year:called it a record year"
)
# Whom the story touches, {side}, is an actor too: the same words as in the main clause, in another place.
COMMON_EVENTS = (
    "the words of {side},an appeal by {side},talks with {side},a surprise move by {side},a letter from {side},"
    "the answer of {side},pressure from {side},a meeting with {side}"
)

# --- headlines: patterns --------------------------------------------------------------------------------------------

# The main clause is the story; {event} is what it is said to follow.
TITLES = (
    "{Actor} {past}",
    "{Actor} {past} after {event}",
    "After {event}, {actor} {past}",
    "{Actor} to {title}",
    "Despite {event}, {actor} may {title}",
    "{Actor} may {title} despite {event}",
)
REPORTS = (
    "{Second} {past} on {day}, {source} said, after {event}.",
    "After {event}, {second} {past} on {day}, {source} said.",
    "On {day}, {source} said that {second} {past}, in spite of {event}.",
    "In spite of {event}, {second} {past}, {source} said on {day}.",
    "{Second} {past}, {source} said on {day}. It came after {event}.",
    "It came after {event}: {second} {past} on {day}, {source} said.",
)
TAILS = (
    "More talks are due next week.",
    "The news came late in the day.",
    "No figures were given.",
    "It is the second time this year.",
    "The answer is expected within a month.",
    "Nobody else was ready to comment.",
    "A decision will follow on {day}.",
    "It had been in the air for weeks.",
)

# Of the stories, so many touch another class, and hold as many words of it as of their own.
MIXED_SHARE = 0.22


def headlines(seed: int = 0, sizes: tuple[int, int] = HEADLINE_SIZES) -> tuple[Texts, Texts]:
    """(training, test) titles with descriptions, label 0 World, 1 Sports, 2 Business, 3 Sci/Tech; no text twice."""
    random = Random(f"headlines {seed}")
    seen: set[str] = set()
    train = _collect(random, sizes[0], len(ACTORS), seen, _headline, "train")
    return train, _collect(random, sizes[1], len(ACTORS), seen, _headline, "test")


def _headline(random: Random, label: int, part: str) -> str:
    mixed = random.random() < MIXED_SHARE
    touched = (label + 1 + int(random.random() * (len(ACTORS) - 1))) % len(ACTORS) if mixed else label
    title, report = _pattern(random, part, (TITLES, REPORTS), 3)
    if mixed and "{event}" not in title:
        title = TITLES[1 if part == "train" else 5]

    def events() -> str:
        side = _actor(random, touched)
        common = mixed or random.random() < 0.3
        return _pick(random, (COMMON_EVENTS if common else EVENTS[touched]).split(",")).format(side=side)

    common = mixed or random.random() < 0.3
    present, past = _pick(random, (COMMON_ACTIONS if common else ACTIONS[label]).split(",")).split(":")
    actor, second = _actor(random, label), _actor(random, label)
    source, day = _pick(random, SOURCES.split(",")), _pick(random, DAYS)
    slots = {"actor": actor, "Actor": _capital(actor), "title": present, "past": past, "event": events()}
    heading = title.format(**slots)
    slots |= {"second": second, "Second": _capital(second), "source": source, "Source": _capital(source)}
    slots |= {"day": day, "event": events()}
    tail = _pick(random, TAILS).format(day=day) if random.random() < 0.5 else ""
    return f"{heading}. {report.format(**slots)} {tail}".strip()


def _actor(random: Random, label: int) -> str:
    """Somebody somewhere: the place keeps verb and actor apart, so that their being neighbours tells nothing."""
    return f"{_pick(random, ACTORS[label].split(','))} in {_pick(random, CITIES)}"


# --- what both share ------------------------------------------------------------------------------------------------


def _collect(
    random: Random, size: int, classes: int, seen: set[str], write: Callable[[Random, int, str], str], part: str
) -> Texts:
    """Texts of which none was seen before, as many of each class, in mixed order."""
    texts: list[str] = []
    labels: list[int] = []
    while len(texts) < size:
        label = len(texts) % classes
        text = write(random, label, part)
        if text not in seen:
            seen.add(text)
            texts.append(text)
            labels.append(label)
    order = sorted(range(size), key=lambda _: random.random())
    return [texts[number] for number in order], [labels[number] for number in order]


def _pick(random: Random, row: Sequence[Item]) -> Item:
    return row[int(random.random() * len(row))]


def _two(random: Random, row: Sequence[str]) -> tuple[str, str]:
    first = int(random.random() * len(row))
    second = (first + 1 + int(random.random() * (len(row) - 1))) % len(row)
    return row[first], row[second]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _articles(text: str) -> str:
    """`a` before a consonant, `an` before a vowel."""
    return re.sub(r"\b([Aa])n? (?=(\w))", lambda found: found[1] + ("n " if found[2] in "aeiouAEIOU" else " "), text)
