# shellcheck shell=bash
# Completion of veneer for bash; installed as bash-completion/completions/veneer.

_veneer() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local everywhere='--json --root --run --help' command='' group='' item index
  # The first words that are no option are group and command.
  for ((index = 1; index < COMP_CWORD; index++)); do
    item=${COMP_WORDS[index]}
    case $item in
      --root | --run) ((index++)) ;;
      -*) ;;
      *)
        if [[ -z $group ]]; then
          group=$item
          [[ $group == cow ]] || break
        else
          command=$item
          break
        fi
        ;;
    esac
  done

  case $previous in
    --method)
      mapfile -t COMPREPLY < <(compgen -W 'auto reflink copy' -- "$word")
      return
      ;;
    --backend)
      mapfile -t COMPREPLY < <(compgen -W 'user dm' -- "$word")
      return
      ;;
    --chunk-size)
      mapfile -t COMPREPLY < <(compgen -W '4K 8K 16K 32K 64K 128K 256K 512K 1M' -- "$word")
      return
      ;;
    --max-change | --size | --name) return ;;
    --root | --run | --work)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
  esac

  local words=''
  case $group:$command in
    :) words="cow doctor gc demo --version $everywhere" ;;
    cow:) words="create info list check flatten attach fill grow detach $everywhere" ;;
    cow:create) words="--origin --size --chunk-size --max-change $everywhere" ;;
    cow:check) words="--origin $everywhere" ;;
    cow:flatten) words="--origin --output --method --force $everywhere" ;;
    cow:attach) words="--origin --at --name --backend --read-only --block $everywhere" ;;
    cow:grow) words="--max-change $everywhere" ;;
    cow:*) words=$everywhere ;;
    gc:) words="--dry-run $everywhere" ;;
    doctor:) words=$everywhere ;;
    demo:) words="--work --template --keep $everywhere" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ $word != -* && ($command != '' || $previous == --*) ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -F _veneer veneer
