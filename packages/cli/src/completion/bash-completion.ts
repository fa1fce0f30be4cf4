/**
 * What `source <(instar complete bash)` loads. Ours and not @bomb.sh/tab's, which declares read-only variables (loading it again fails),
 * evaluates the words on the line as code, and needs the package bash-completion. Where Instar knows nothing to say, bash offers files.
 */
export const BASH_COMPLETION = `# bash completion of instar; load it by: source <(instar complete bash)
_instar() {
  local words=() word line
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    # bash takes --format=json for three words, and instar --format json for the same.
    [[ $word == = ]] || words+=("$word")
  done
  [[ $word == = ]] && word= && words+=('')
  COMPREPLY=()
  while IFS= read -r line; do
    # A value, a tab and what it means; the last line is a number for other shells.
    line=\${line%%$'\\t'*}
    [[ $line == "$word"* && $line != :[0-9]* ]] && COMPREPLY+=("$line")
  done < <("$1" complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _instar instar
`
