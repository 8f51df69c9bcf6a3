# Completion of veneer for fish; installed as vendor_completions.d/veneer.fish.

set -l cow_commands create info list check flatten attach fill grow detach

complete -c veneer -f
complete -c veneer -l json -d 'Print one JSON value'
complete -c veneer -l root -x -a '(__fish_complete_directories)' -d 'Directory of the state'
complete -c veneer -l run -x -a '(__fish_complete_directories)' -d 'Directory of sockets and mounts'
complete -c veneer -s h -l help -d 'Print help with examples'
complete -c veneer -n __fish_use_subcommand -l version -d 'Print the version'
complete -c veneer -n __fish_use_subcommand -a cow -d 'Work on stores directly'
complete -c veneer -n __fish_use_subcommand -a doctor -d 'What this host can do'
complete -c veneer -n __fish_use_subcommand -a gc -d 'Remove what killed commands left'
complete -c veneer -n '__fish_seen_subcommand_from gc' -l dry-run -d 'Remove nothing'
complete -c veneer -n __fish_use_subcommand -a demo -d 'Show the main job on a Debian image'

set -l at_cow "__fish_seen_subcommand_from cow; and not __fish_seen_subcommand_from $cow_commands"
complete -c veneer -n $at_cow -a create -d 'Make a new, empty store for an origin'
complete -c veneer -n $at_cow -a info -d 'Header, exceptions, fill and bytes on disk'
complete -c veneer -n $at_cow -a list -d 'The changed runs'
complete -c veneer -n $at_cow -a check -d 'Check every structural rule'
complete -c veneer -n $at_cow -a flatten -d 'Merge origin and store into a plain image'
complete -c veneer -n $at_cow -a attach -d 'Attach a disk, and print where it is'
complete -c veneer -n $at_cow -a fill -d 'How full the store of a disk is'
complete -c veneer -n $at_cow -a grow -d 'Let more of a disk be changed'
complete -c veneer -n $at_cow -a detach -d 'Flush and detach a disk'

complete -c veneer -n "__fish_seen_subcommand_from $cow_commands" -F
complete -c veneer -n '__fish_seen_subcommand_from create check flatten attach' -l origin -r -F -d 'The image'
complete -c veneer -n '__fish_seen_subcommand_from create' -l chunk-size -x -a '4K 8K 16K 32K 64K 128K 256K 512K 1M' -d 'The unit that is copied'
complete -c veneer -n '__fish_seen_subcommand_from create' -l size -x -d 'Of the disk'
complete -c veneer -n '__fish_seen_subcommand_from create grow' -l max-change -x -d 'The most that may be rewritten'
complete -c veneer -n '__fish_seen_subcommand_from flatten' -l output -r -F -d 'The image to make'
complete -c veneer -n '__fish_seen_subcommand_from flatten' -l method -x -a 'auto reflink copy' -d 'How'
complete -c veneer -n '__fish_seen_subcommand_from flatten' -l force -d 'Replace the output'
complete -c veneer -n '__fish_seen_subcommand_from attach' -l at -r -F -d 'Becomes the disk'
complete -c veneer -n '__fish_seen_subcommand_from attach' -l name -x -d 'Of the device, with dm'
complete -c veneer -n '__fish_seen_subcommand_from attach' -l backend -x -a 'user dm' -d 'Who serves it'
complete -c veneer -n '__fish_seen_subcommand_from attach' -l read-only -d 'Attach for reading only'
complete -c veneer -n '__fish_seen_subcommand_from attach' -l block -d 'Put a block device on it too'
complete -c veneer -n '__fish_seen_subcommand_from demo' -l work -x -a '(__fish_complete_directories)' -d 'Work here, keep the template'
complete -c veneer -n '__fish_seen_subcommand_from demo' -l template -r -F -d 'Use this ext4 image'
complete -c veneer -n '__fish_seen_subcommand_from demo' -l keep -d 'Keep the stores and the merged image'
