r"""A student's Markdown with nothing in it that runs, loads, hides or leads away where an instructor reads it.

Free text is read in formgrader (nbconvert's mistune and MathJax 2) and in JupyterLab (marked and MathJax 3). These do
not agree on where code, a formula or HTML begins, and MathJax sees the text only after entities have become characters.
So no part of an answer is trusted to be "only code": the text is cut into the few tokens that any of the readers takes
for more than text, and each is made harmless wherever it stands.

Notable choices:
- entities are decoded first, until none is left, so that `&amp;#92;style` is seen as what it ends as;
- a token is made harmless by one space in it: `\ style`, `< script>`, `! [picture] (x)`, `[text] (target)`. TeX, HTML,
  Markdown and Python all take it for plain text then, it can be read as it was written, and a formula looks the same;
- commands of TeX are those of `COMMANDS`, environments those of `ENVIRONMENTS`. None of them defines, loads, links,
  takes a style or a length, so nothing is drawn outside its formula. Letters alone (`\n`, `\d`) are no danger;
- pictures are never shown, and a link becomes its text and its target, of which Jupyter links http and https again;
- what is not among these tokens is left as it is, character by character.
"""

from __future__ import annotations

import html
import re

from ..harmless import tame

COMMANDS = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma
    Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega

    frac dfrac tfrac cfrac binom dbinom tbinom sqrt root of over choose atop
    sum prod coprod int iint iiint oint bigcup bigcap bigsqcup bigvee bigwedge bigodot bigotimes bigoplus biguplus
    limits nolimits lim limsup liminf sup inf max min arg det dim ker hom deg gcd Pr exp log ln lg
    sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan
    operatorname mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner bmod pmod mod

    cdot cdots ldots vdots ddots dots dotsb dotsc dotsi dotsm dotso times div pm mp ast star circ bullet odot oplus
    ominus otimes oslash cap cup uplus sqcap sqcup vee wedge lor land lnot neg setminus smallsetminus wr amalg dagger
    ddagger diamond bigcirc bigtriangleup bigtriangledown triangleleft triangleright triangle triangledown triangleq
    le leq leqslant ge geq geqslant lt gt ll gg lll ggg ne neq equiv sim simeq approx approxeq cong propto varpropto
    doteq doteqdot prec succ preceq succeq subset supset subseteq supseteq subsetneq supsetneq sqsubset sqsupset
    sqsubseteq sqsupseteq in ni notin owns not mid nmid parallel nparallel perp vdash dashv models asymp bowtie
    lesssim gtrsim lessgtr gtrless nleq ngeq nless ngtr

    to gets mapsto longmapsto leftarrow rightarrow leftrightarrow uparrow downarrow updownarrow Leftarrow Rightarrow
    Leftrightarrow Uparrow Downarrow Updownarrow longleftarrow longrightarrow longleftrightarrow Longleftarrow
    Longrightarrow Longleftrightarrow hookleftarrow hookrightarrow leftharpoonup leftharpoondown rightharpoonup
    rightharpoondown rightleftharpoons leftrightharpoons nearrow searrow swarrow nwarrow rightsquigarrow leadsto
    twoheadrightarrow upharpoonright xleftarrow xrightarrow iff implies impliedby

    forall exists nexists infty partial nabla emptyset varnothing ell hbar hslash imath jmath Re Im wp aleph beth
    angle measuredangle prime backprime top bot surd therefore because square Box blacksquare checkmark bigstar
    lozenge clubsuit diamondsuit heartsuit spadesuit flat natural sharp complement eth mho degree

    left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm
    langle rangle lfloor rfloor lceil rceil lbrace rbrace lbrack rbrack vert Vert lvert rvert lVert rVert backslash
    lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner lrcorner

    hat widehat tilde widetilde bar overline underline vec dot ddot dddot acute grave breve check mathring
    overrightarrow overleftarrow overleftrightarrow overbrace underbrace overset underset stackrel substack boxed

    text textrm textbf textit textsf texttt textnormal mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak
    mathbb mathnormal boldsymbol bm pmb bf rm it sf tt cal displaystyle textstyle scriptstyle scriptscriptstyle
    quad qquad thinspace medspace thickspace enspace nonumber notag hline hfill newline begin end
    """.split()
)
ENVIRONMENTS = frozenset(
    """
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array cases aligned alignedat gathered split
    equation align alignat gather multline eqnarray subarray
    """.split()
)
MAX_BACKWARD = 20  # negative thin spaces: each moves what follows by a sixth of a letter's width, thousands by a page
MAX_ROUNDS = 8  # of decoding; nobody writes the entity of an entity of an entity

_TOKEN = re.compile(
    r"""
      (?P<command>\\+)(?P<name>[A-Za-z]+)
    | (?P<row>\\\\)(?=\s*\[\s*-)                  # a row of a matrix set over the one before it
    | (?P<backward>\\)(?=!)
    | (?P<tag><)(?=[A-Za-z/!?])
    | (?P<picture>!)(?=\[)
    | (?P<link>\])(?=[(:])                        # of the text and its target, or of a definition of targets
    | (?P<diagram>`{3,}|~{3,})(?=[ \t]*mermaid)   # a program that Jupyter runs to draw it
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]+)\*?\}")
_BREAKS = re.compile(r"\r\n|\r")
_ENTITY = re.compile(r"&(?=[#A-Za-z])")


def harmless_markdown(text: str) -> str:
    """The Markdown of an answer without HTML, pictures, hidden targets of links, and commands of TeX off the list."""
    backward = 0

    def made_harmless(found: re.Match[str]) -> str:
        nonlocal backward
        token = found[0]
        if found["name"]:
            return token if _is_mathematics(found) else f"{found['command']} {found['name']}"
        if found["row"]:
            return f"{token}{{}}"  # TeX looks past a space for the bracket
        if found["diagram"]:
            return f"{token}text "
        if found["backward"]:
            backward += 1
            return token if backward <= MAX_BACKWARD else f"{token} "
        return f"{token} "

    return _TOKEN.sub(made_harmless, _decoded(text))


def _is_mathematics(found: re.Match[str]) -> bool:
    """Whether a command is on the list, and so is the environment that it begins or ends."""
    name = found["name"]
    if name in ("begin", "end"):
        environment = _ENVIRONMENT.match(found.string, found.end())
        return environment is not None and environment[1] in ENVIRONMENTS
    return len(name) == 1 or name in COMMANDS


def _decoded(text: str) -> str:
    """The text with its entities as characters, tame, with line feeds alone as line breaks."""
    text = _BREAKS.sub("\n", text)
    for _ in range(MAX_ROUNDS):
        text, before = html.unescape(text), text
        if text == before:
            break
    else:
        text = _ENTITY.sub("& ", text)
    return tame(_BREAKS.sub("\n", text))
