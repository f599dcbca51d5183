/// The style of every page. The colours of series stay apart for colour-blind readers: they are those that Okabe and
/// Ito proposed ("Color Universal Design", 2002), darkened on light ground and lightened on dark ground for contrast.
let pageStyle = """
  :root {
    color-scheme: light dark;
    --paper: #ffffff; --ink: #1b1f24; --muted: #59636e; --grid: #dfe3e8; --stripe: #f6f8fa; --strong: #fff4d6;
    --good: #116329; --good-paper: #dafbe1; --bad: #a40e26; --bad-paper: #ffebe9;
    --series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #b5528f;
    --series-4: #8a6d00; --series-5: #3ea1d9; --series-6: #5b4bb5; --series-7: #6b7280;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --paper: #0f1318; --ink: #e6e9ed; --muted: #9aa4b0; --grid: #2b323b; --stripe: #171c23; --strong: #3a2f10;
      --good: #7ee2a0; --good-paper: #12351f; --bad: #ffa198; --bad-paper: #4a1418;
      --series-0: #4ba6e3; --series-1: #f08a3c; --series-2: #2cc79a; --series-3: #e59ac9;
      --series-4: #e8d44d; --series-5: #a3d8f7; --series-6: #a99bff; --series-7: #a8b0ba;
    }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
  main { max-width: 1280px; margin: 0 auto; padding: 1.2rem clamp(0.8rem, 3vw, 2rem) 3rem; }
  h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.4rem 0; overflow-wrap: anywhere; }
  h2 { font-size: 1.15rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--grid); }
  p { max-width: 75ch; overflow-wrap: anywhere; }
  .summary { color: var(--muted); }
  .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 1.4rem 2rem; }
  figure { margin: 0; min-width: 0; max-width: 760px; }
  figcaption { font-weight: 600; }
  .picture { overflow-x: auto; }
  .picture svg { display: block; width: 100%; min-width: 460px; height: auto; }
  .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0.2rem 0; padding: 0;
    font-size: 0.88rem; }
  .mark { margin-right: 0.4em; }
  .table { overflow-x: auto; margin: 0.8rem 0; }
  table { border-collapse: collapse; font-size: 0.88rem; }
  .caption { color: var(--muted); font-size: 0.88rem; margin: 1rem 0 -0.5rem; }
  th, td { padding: 0.25rem 0.7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--grid); }
  th { color: var(--muted); font-weight: 600; }
  .n { text-align: right; font-variant-numeric: tabular-nums; }
  tbody tr:nth-child(even) { background: var(--stripe); }
  tbody tr.strong { background: var(--strong); font-weight: 600; }
  .verdict { display: inline-block; padding: 0.15rem 0.8rem; border-radius: 1rem; letter-spacing: 0.04em; }
  .valid { color: var(--good); background: var(--good-paper); }
  .invalid { color: var(--bad); background: var(--bad-paper); }
  @media print { .table, .picture { overflow: visible; } }
  """
