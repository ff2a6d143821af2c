# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sekisho_global_optspecs
    string join \n config= data-folder= h/help V/version
end

function __fish_sekisho_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sekisho_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sekisho_using_subcommand
    set -l cmd (__fish_sekisho_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sekisho -n "__fish_sekisho_needs_command" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_needs_command" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_needs_command" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_needs_command" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "serve" -d 'Runs the server'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "status" -d 'Shows what the server is and how full it is'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "queue" -d 'Looks at the queue and gives orders for what is in it'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "trace" -d 'Finds messages and shows how they came in and went out, with the evidence on TLS'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "explain" -d 'Says which way mail to a recipient would take, and asks every host; no mail is sent'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "explain-inbound" -d 'Says what a recipient would be answered, and what each inbound connector has to do with it'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "config" -d 'Checks and shows the configuration'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "tls" -d 'Shows TLS as it is in force'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "store" -d 'Checks and recovers the data folder of a server that does not run'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "organization" -d 'Adds, changes and lists organizations: whose mail is carried'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "domain" -d 'Adds, changes and lists accepted domains: whose mail is taken from anyone'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "connector" -d 'Adds, changes and lists connectors: what is demanded of those who bring mail and where mail goes'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "rule" -d 'Adds, changes and lists rules: what is demanded of single messages'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "exception" -d 'Adds, changes and lists dated exceptions: what is let pass although more is demanded, until when'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "certificate" -d 'Looks at our own certificates, imports, requests and activates them'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "partner" -d 'What own traffic has taught of those with whom mail is exchanged'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "trust" -d 'Says which trust anchors are in force, whether a root is among them, and whether what they hang on works'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "alert" -d 'Lists what the operator should know of before it stops mail, and says that it is known'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "directory" -d 'Looks at the directory of all these and its versions'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "export" -d 'Prints the whole directory as text'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "plan" -d 'Says what a text would change in the directory, and whether it would be taken'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "apply" -d 'Makes the directory what a text says; what the text does not name is removed'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "import" -d 'Says what connectors and domains of another mail system come to here, and adds them if told so'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "send" -d 'Sends a test message'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "completions" -d 'Prints completions for a shell'
complete -c sekisho -n "__fish_sekisho_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand serve" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand status" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and not __fish_seen_subcommand_from list show hold release retry bounce redirect shape help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one object a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -l ids -d 'Prints ids alone, one a line, for another command\'s `-`'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l body -d 'Prints the content instead, octet for octet (escaped on a terminal)'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l conversation -d 'Shows the whole conversation of each attempt, without content'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from hold" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from retry" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l older-than -d 'At least this old: 30m, 4h, 2d' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l younger-than -d 'At most this old' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l destination -d 'To this domain, or *.domain for everything below it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l error -d 'Whose last fault holds this text' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l held -d 'Held (true) or not (false)' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l why -d 'What the sender is told' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l all -d 'The whole queue'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from bounce" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from redirect" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l limit -d 'Destinations at most' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from shape" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand queue; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l message-id -d 'With this Message-ID header' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l sender -d 'From this sender: an address, @domain, or <>' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l recipient -d 'To this recipient: an address or @domain' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l since -d 'Not before: 2h (ago), 2026-11-24, 2026-11-24T09:30' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l until -d 'Not after' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l tls -d 'Came or went over this' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'
any\t'Any version'
none\t'In the clear'"
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l outcome -d 'An attempt ended so' -r -f -a "delivered\t''
deferred\t''
bounced\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l limit -d 'Messages at most' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l conversation -d 'Shows the whole conversation of each attempt, without content'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -l json -d 'Prints JSON, one object a message'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand trace" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l from -l mail-from -d 'The sender\'s address; without it there is none (`<>`)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l organization -d 'Who sends [default: default]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l header -d 'A field of its header, for rules that look at it: "Subject: secret"; may be repeated' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l requiretls -d 'As a message with REQUIRETLS (RFC 8689), as far as this build can find out'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l conversation -d 'Shows what was said'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l ip -d 'The client\'s address' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l cert -d 'The certificates that the client presents, in PEM, its own first; it counts as having proved its key' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l tls-version -d 'The version of TLS [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l key-exchange -d 'The key exchange: X25519MLKEM768 (in TLS 1.3), x25519, secp256r1 or secp384r1 [default: the first that the version has]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l listener -d 'The listener that it comes to [default: the first]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l mail-from -d 'The sender\'s address; without it there is none (`<>`)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l rcpt-to -l rcpt -d 'The recipient\'s address' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l header -d 'A field of the header, for rules that look at it: "Subject: secret"; may be repeated' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l tls -d 'Under TLS; with a certificate, a version or a key exchange it always is'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand explain-inbound" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l changed -d 'Only what differs from the defaults'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one object per listener and route'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand tls; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and not __fish_seen_subcommand_from check recover help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from recover" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
complete -c sekisho -n "__fish_sekisho_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "add" -d 'Adds an organization'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "set" -d 'Changes fields of an organization; `default` is always there'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "show" -d 'Shows an organization with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "list" -d 'Lists all organizations'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "remove" -d 'Removes an organization that has neither domains nor connectors nor rules any more'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and not __fish_seen_subcommand_from add set show list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l reject-direct-send -d 'Refuses mail from its own domains unless the client is known by a connector or may relay' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l require-tls-inbound -d 'Takes mail for its domains under TLS alone' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l require-tls-outbound -d 'What must hold of every connection on which its mail leaves: opportunistic, encryption, certificate, or domain [default: opportunistic]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l trust-anchors -d 'A PEM file with certificates that are added to the roots for its connectors without trust anchors of their own, for its rules and --require-tls-outbound; it is read now and kept; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l revocation -d 'Whether certificates may be revoked ones where a valid one is demanded: off, soft-fail (passes while that cannot be found out) or hard-fail (waits) [default: hard-fail]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l refuse-not-revocable -d 'Refuses certificates that say nowhere how they would be revoked' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l expire-after -d 'The age at which undelivered mail is given up: 48h, 5d; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l max-message-size -d 'How large a message for its domains, or from it to elsewhere, may be: 25MiB; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l max-recipients -d 'How many recipients such a message may have; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l header-families -d 'Families of header fields that its own servers alone may write: X-MS-Exchange is for X-MS-Exchange-Organization-* and X-MS-Exchange-CrossPremises-* [default: X-MS-Exchange,X-Sekisho]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l reject-direct-send -d 'Refuses mail from its own domains unless the client is known by a connector or may relay' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l require-tls-inbound -d 'Takes mail for its domains under TLS alone' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l require-tls-outbound -d 'What must hold of every connection on which its mail leaves: opportunistic, encryption, certificate, or domain [default: opportunistic]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l trust-anchors -d 'A PEM file with certificates that are added to the roots for its connectors without trust anchors of their own, for its rules and --require-tls-outbound; it is read now and kept; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l revocation -d 'Whether certificates may be revoked ones where a valid one is demanded: off, soft-fail (passes while that cannot be found out) or hard-fail (waits) [default: hard-fail]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l refuse-not-revocable -d 'Refuses certificates that say nowhere how they would be revoked' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l expire-after -d 'The age at which undelivered mail is given up: 48h, 5d; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l max-message-size -d 'How large a message for its domains, or from it to elsewhere, may be: 25MiB; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l max-recipients -d 'How many recipients such a message may have; empty to unset' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l header-families -d 'Families of header fields that its own servers alone may write: X-MS-Exchange is for X-MS-Exchange-Organization-* and X-MS-Exchange-CrossPremises-* [default: X-MS-Exchange,X-Sekisho]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one organization a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "add" -d 'Adds an organization'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "set" -d 'Changes fields of an organization; `default` is always there'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows an organization with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists all organizations'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes an organization that has neither domains nor connectors nor rules any more'
complete -c sekisho -n "__fish_sekisho_using_subcommand organization; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "add" -d 'Accepts mail for a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "set" -d 'Changes an accepted domain, also to whom it belongs'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "show" -d 'Shows an accepted domain with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "list" -d 'Lists the accepted domains of the directory; those of sekisho.toml stand there'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "remove" -d 'Accepts mail for a domain no longer'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and not __fish_seen_subcommand_from add set show list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l organization -d 'Whose it is [default: default]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l type -d 'What becomes of its mail: authoritative (all recipients are here), internal-relay (some are), external-relay (none is)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l recipient-check -d 'A relay domain\'s: how a recipient without a mailbox here is looked for before mail for it is taken: none, list (--recipients), or probe (the next hop is asked)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l recipients -d 'List: who there is beside the mailboxes here: bob, or bob@example.org' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l recipients-from -d 'List: a file with all of them, one a line; - for standard input' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l final-refusal -d 'A relay domain\'s: what becomes of a stranger\'s mail that the next hop refuses for good: hold, or bounce (whoever MAIL FROM names is told) [default: hold]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l organization -d 'Whose it is [default: default]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l type -d 'What becomes of its mail: authoritative (all recipients are here), internal-relay (some are), external-relay (none is)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l recipient-check -d 'A relay domain\'s: how a recipient without a mailbox here is looked for before mail for it is taken: none, list (--recipients), or probe (the next hop is asked)' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l recipients -d 'List: who there is beside the mailboxes here: bob, or bob@example.org' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l recipients-from -d 'List: a file with all of them, one a line; - for standard input' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l final-refusal -d 'A relay domain\'s: what becomes of a stranger\'s mail that the next hop refuses for good: hold, or bounce (whoever MAIL FROM names is told) [default: hold]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one document a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "add" -d 'Accepts mail for a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "set" -d 'Changes an accepted domain, also to whom it belongs'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows an accepted domain with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the accepted domains of the directory; those of sekisho.toml stand there'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Accepts mail for a domain no longer'
complete -c sekisho -n "__fish_sekisho_using_subcommand domain; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "add" -d 'Adds a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "set" -d 'Changes fields of a connector; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "show" -d 'Shows a connector with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "list" -d 'Lists connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "enable" -d 'Looks at a connector again'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "disable" -d 'Keeps a connector and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "remove" -d 'Removes a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "validate" -d 'Tries an outbound connector: goes through all its hosts step by step, and sends a test message'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "validations" -d 'Lists how an outbound connector came out of its validations, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "draft" -d 'Makes or changes the draft of a connector, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "shadow" -d 'Says what a connector that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "promote" -d 'Enforces a connector that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "suggest" -d 'Prints the strictest connectors that all mail seen with a domain would have satisfied, as text'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and not __fish_seen_subcommand_from add set show list enable disable remove validate validations draft shadow promote suggest help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -f -a "inbound" -d 'One for mail that comes in'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -f -a "outbound" -d 'One for mail that goes out'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from add" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -f -a "inbound" -d 'One for mail that comes in'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -f -a "outbound" -d 'One for mail that goes out'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from set" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one document a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from enable" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from disable" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l to -d 'A recipient in a domain of the connector; may be repeated [default: its validation-recipients]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l from -d 'The sender; "<>" for none [default: postmaster of the organization\'s first accepted domain]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l no-mail -d 'Sends no test message: hosts are asked of the recipient, and get no content'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l each-host -d 'Sends a test message to each host, not only to the first that takes the recipient'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l conversation -d 'Shows what was said'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validate" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l limit -d 'Validations at most; 50 are kept' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l steps -d 'Shows all steps of each'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -l json -d 'Prints JSON, one validation a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from validations" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -f -a "inbound" -d 'One for mail that comes in'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -f -a "outbound" -d 'One for mail that goes out'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from draft" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -l days -d 'How many days back, today among them' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from shadow" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l force -d 'Even where it would have broken mail of the last 14 days'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l dry-run -d 'Says what would be changed, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from promote" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -l organization -d 'Whose mail it was' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from suggest" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "add" -d 'Adds a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "set" -d 'Changes fields of a connector; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows a connector with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Looks at a connector again'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Keeps a connector and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "validate" -d 'Tries an outbound connector: goes through all its hosts step by step, and sends a test message'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "validations" -d 'Lists how an outbound connector came out of its validations, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "draft" -d 'Makes or changes the draft of a connector, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "shadow" -d 'Says what a connector that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "promote" -d 'Enforces a connector that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "suggest" -d 'Prints the strictest connectors that all mail seen with a domain would have satisfied, as text'
complete -c sekisho -n "__fish_sekisho_using_subcommand connector; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "add" -d 'Adds a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "set" -d 'Changes fields of a rule; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "show" -d 'Shows a rule with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "list" -d 'Lists rules in the order in which they are looked at'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "enable" -d 'Looks at a rule again'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "disable" -d 'Keeps a rule and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "remove" -d 'Removes a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "draft" -d 'Makes or changes the draft of a rule, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "shadow" -d 'Says what a rule that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "promote" -d 'Enforces a rule that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and not __fish_seen_subcommand_from add set show list enable disable remove draft shadow promote help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l enabled -d 'Whether it is looked at [default: true]' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l mode -d 'Whether it acts or is only tried: enforce or shadow [default: enforce]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l draft-of -d 'The rule in whose place it is tried' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l priority -d 'Lower ones are looked at first [default: 0]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l senders -d 'Only mail from these: alice@bank.example, @bank.example, *.bank.example, *, or <> for the null reverse-path' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l recipients -d 'Only mail to these: alice@bank.example, @bank.example, *.bank.example, or *' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l header -d 'Only mail with this text in a header field, as it is sent and with nothing decoded: "Subject: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l inbound-connector -d 'Only mail that came through this inbound connector of the organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l from-organizations -d 'Only mail that a server of one of these organizations brought, as its connector knows it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l require-tls -d 'Demands of whatever connection it leaves on: encryption-only, certificate-validation or domain-validation' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l tls-domains -d 'Domain validation: names for one of which the host\'s certificate must be' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l route-to-connector -d 'Sends it through this outbound connector of the organization, whatever the recipient\'s domain' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l add-header -d 'Puts this field on top of its header: "X-Class: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l reject -d 'Rejects it with these words' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l enabled -d 'Whether it is looked at [default: true]' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l mode -d 'Whether it acts or is only tried: enforce or shadow [default: enforce]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l draft-of -d 'The rule in whose place it is tried' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l priority -d 'Lower ones are looked at first [default: 0]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l senders -d 'Only mail from these: alice@bank.example, @bank.example, *.bank.example, *, or <> for the null reverse-path' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l recipients -d 'Only mail to these: alice@bank.example, @bank.example, *.bank.example, or *' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l header -d 'Only mail with this text in a header field, as it is sent and with nothing decoded: "Subject: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l inbound-connector -d 'Only mail that came through this inbound connector of the organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l from-organizations -d 'Only mail that a server of one of these organizations brought, as its connector knows it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l require-tls -d 'Demands of whatever connection it leaves on: encryption-only, certificate-validation or domain-validation' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l tls-domains -d 'Domain validation: names for one of which the host\'s certificate must be' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l route-to-connector -d 'Sends it through this outbound connector of the organization, whatever the recipient\'s domain' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l add-header -d 'Puts this field on top of its header: "X-Class: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l reject -d 'Rejects it with these words' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one document a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from enable" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from disable" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l enabled -d 'Whether it is looked at [default: true]' -r -f -a "true\t''
false\t''"
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l mode -d 'Whether it acts or is only tried: enforce or shadow [default: enforce]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l draft-of -d 'The rule in whose place it is tried' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l comment -d 'Words of your own' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l priority -d 'Lower ones are looked at first [default: 0]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l senders -d 'Only mail from these: alice@bank.example, @bank.example, *.bank.example, *, or <> for the null reverse-path' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l recipients -d 'Only mail to these: alice@bank.example, @bank.example, *.bank.example, or *' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l header -d 'Only mail with this text in a header field, as it is sent and with nothing decoded: "Subject: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l inbound-connector -d 'Only mail that came through this inbound connector of the organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l from-organizations -d 'Only mail that a server of one of these organizations brought, as its connector knows it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l require-tls -d 'Demands of whatever connection it leaves on: encryption-only, certificate-validation or domain-validation' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l tls-domains -d 'Domain validation: names for one of which the host\'s certificate must be' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l route-to-connector -d 'Sends it through this outbound connector of the organization, whatever the recipient\'s domain' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l add-header -d 'Puts this field on top of its header: "X-Class: secret"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l reject -d 'Rejects it with these words' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from draft" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -l days -d 'How many days back, today among them' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from shadow" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l force -d 'Even where it would have broken mail of the last 14 days'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l dry-run -d 'Says what would be changed, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from promote" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "add" -d 'Adds a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "set" -d 'Changes fields of a rule; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows a rule with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists rules in the order in which they are looked at'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Looks at a rule again'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Keeps a rule and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "draft" -d 'Makes or changes the draft of a rule, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "shadow" -d 'Says what a rule that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "promote" -d 'Enforces a rule that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand rule; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "add" -d 'Adds an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "set" -d 'Changes fields of an exception; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "show" -d 'Shows an exception with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "list" -d 'Lists exceptions, those that have ended too'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "remove" -d 'Removes an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and not __fish_seen_subcommand_from add set show list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l owner -d 'Who answers for it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l reason -d 'Why it is there' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l until -d 'When it ends, at most 366 days ahead: 2026-12-01 (that day included, in UTC) or 2026-12-01T18:00:00Z' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l outbound-connector -d 'About this outbound connector; an exception is about one thing' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l inbound-connector -d 'About this inbound connector' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l rule -d 'About this rule' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l recipient-domain -d 'About require-tls-outbound of the organization, for recipients in this domain: old.example, or *.old.example' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l allows -d 'What is let pass: plaintext, any-certificate, any-name, expired-certificate, any-address or common-name' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l domains -d 'Only mail to these domains, or for an inbound connector from these: bank.example, or *.bank.example' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l owner -d 'Who answers for it' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l reason -d 'Why it is there' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l until -d 'When it ends, at most 366 days ahead: 2026-12-01 (that day included, in UTC) or 2026-12-01T18:00:00Z' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l outbound-connector -d 'About this outbound connector; an exception is about one thing' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l inbound-connector -d 'About this inbound connector' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l rule -d 'About this rule' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l recipient-domain -d 'About require-tls-outbound of the organization, for recipients in this domain: old.example, or *.old.example' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l allows -d 'What is let pass: plaintext, any-certificate, any-name, expired-certificate, any-address or common-name' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l domains -d 'Only mail to these domains, or for an inbound connector from these: bank.example, or *.bank.example' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one document a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "add" -d 'Adds an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "set" -d 'Changes fields of an exception; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows an exception with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists exceptions, those that have ended too'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand exception; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "role" -d 'Adds, changes and lists roles: what listeners and connectors name instead of a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "list" -d 'Lists certificates and requests, and which of them are presented'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "show" -d 'Shows a certificate with its chain and what was done to it, or all of a role'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "import" -d 'Takes a certificate into a role, checked: PEM, PKCS#12, or the answer to a request'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "request" -d 'Makes a key and a request for a certificate, and prints the request'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "renew" -d 'Orders the next certificate of a role from its authority at once, or says how it is renewed otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "revoke" -d 'Has the authority that issued a certificate revoke it'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "stage" -d 'Has a certificate wait until it is activated'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "activate" -d 'Has a certificate presented, at once or from an instant on'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "retire" -d 'Has a certificate presented no more'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "remove" -d 'Removes a certificate with its key, a request, or what is left of one'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "rollover" -d 'Rolls a role over to a new key, step by step, with its TLSA records'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "check" -d 'Checks a certificate, or all of a role, once more'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "page" -d 'Prints what partners are told of the certificates that are published'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and not __fish_seen_subcommand_from role list show import request renew revoke stage activate retire remove rollover check page help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "add" -d 'Adds a role'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "set" -d 'Changes fields of a role; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "show" -d 'Shows a role with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "list" -d 'Lists roles'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "remove" -d 'Removes a role; its certificates stay where they are, and nobody presents them'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from role" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one role a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l role -d 'The role: mx' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l certificate -d 'The chain: a PEM file, in whatever order; it may hold the key too' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l key -d 'Its key: a PEM file; not needed for the answer to a request' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l pkcs12 -d 'Certificate and key as PKCS#12 (.pfx, .p12)' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l passphrase-file -d 'A file with the passphrase of that, in its first line; without it the passphrase is empty' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l activate-at -d 'Has it presented from this instant on, whatever is known of its key: 2026-12-01T18:00, or "2h" for in two hours' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l fetch-issuers -d 'Fetches certificates of issuers that are missing from where the chain says that they are (AIA)'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l stage -d 'Has it wait, whatever is known of its key'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l dry-run -d 'Checks all of it, and keeps nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l role -d 'The role: mx' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l organization -d 'Whose it is' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l key-type -d 'Which key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096 [default: those of the role, one each]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l new-key -d 'Makes a new key even where the role keeps the one in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from request" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -l new-key -d 'Makes a new key, whether or not the role keeps its key'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from renew" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l reason -d 'unspecified, key-compromise, affiliation-changed, superseded or cessation-of-operation' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -l force -d 'Does it even where that leaves the role without a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -l force -d 'Does it even where that leaves the role without a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from stage" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l at -d 'From this instant on: 2026-12-01T18:00, or "2h" for in two hours [default: now]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from activate" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -l force -d 'Does it even where that leaves the role without a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from retire" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -l force -d 'Does it even where that leaves the role without a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "start" -d 'Begins a roll-over: makes the next key and a request for its certificate, and looks at the TLSA records'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "show" -d 'Lists roll-overs, or shows one: its steps, the records to publish or withdraw, and what it waits for'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "next" -d 'Looks at once, ends a hold, and goes on where it waits for you: partners were told, a step is accepted unseen'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "back" -d 'Goes one step back and holds it there; behind the switch the old certificate is presented again'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "cancel" -d 'Forgets a roll-over before its switch, its keys with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "letter" -d 'Writes the message for partners who pin the key'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from rollover" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -l organization -d 'Only of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -l lang -d 'The language' -r -f -a "en\t'English'
ja\t'Japanese'"
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -l json -d 'Prints JSON, as the page has it for programs'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from page" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "role" -d 'Adds, changes and lists roles: what listeners and connectors name instead of a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists certificates and requests, and which of them are presented'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows a certificate with its chain and what was done to it, or all of a role'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "import" -d 'Takes a certificate into a role, checked: PEM, PKCS#12, or the answer to a request'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "request" -d 'Makes a key and a request for a certificate, and prints the request'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "renew" -d 'Orders the next certificate of a role from its authority at once, or says how it is renewed otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Has the authority that issued a certificate revoke it'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "stage" -d 'Has a certificate wait until it is activated'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "activate" -d 'Has a certificate presented, at once or from an instant on'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "retire" -d 'Has a certificate presented no more'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Removes a certificate with its key, a request, or what is left of one'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "rollover" -d 'Rolls a role over to a new key, step by step, with its TLSA records'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "check" -d 'Checks a certificate, or all of a role, once more'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "page" -d 'Prints what partners are told of the certificates that are published'
complete -c sekisho -n "__fish_sekisho_using_subcommand certificate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -f -a "list" -d 'Lists the domains with which mail was exchanged, and the TLS that was seen'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -f -a "show" -d 'Shows all that was seen of a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -f -a "forecast" -d 'Says what will become of partners\' certificates, and of our own, before it stops mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and not __fish_seen_subcommand_from list show forecast help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -l organization -d 'Only those of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one partner a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -l organization -d 'Whose mail it was' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -l days -d 'Days ahead' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -l organization -d 'Only partners of this organization' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -l json -d 'Prints JSON, one entry a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from forecast" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the domains with which mail was exchanged, and the TLS that was seen'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows all that was seen of a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from help" -f -a "forecast" -d 'Says what will become of partners\' certificates, and of our own, before it stops mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand partner; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -f -a "list" -d 'Lists the trust anchors in force: the system\'s, those of files, and those of connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -f -a "check" -d 'Says whether roots are there, and which peers of the last 90 days would fail without them, or need them'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -f -a "endpoints" -d 'Fetches what certificates hang on (CRLs, OCSP answers, issuers\' certificates), and names the hosts to open'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and not __fish_seen_subcommand_from list check endpoints help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -l set -d 'Only those of this set: system, the path of a file, or "connector acme/bank"' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one anchor a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from check" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from check" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from check" -l json -d 'Prints JSON, one answer a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from endpoints" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from endpoints" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from endpoints" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from endpoints" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from endpoints" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the trust anchors in force: the system\'s, those of files, and those of connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from help" -f -a "check" -d 'Says whether roots are there, and which peers of the last 90 days would fail without them, or need them'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from help" -f -a "endpoints" -d 'Fetches what certificates hang on (CRLs, OCSP answers, issuers\' certificates), and names the hosts to open'
complete -c sekisho -n "__fish_sekisho_using_subcommand trust; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -f -a "list" -d 'Lists the alerts that stand, errors first, then by what happens soonest'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -f -a "acknowledge" -d 'Says that alerts are known: nobody is written to of them any more, unless they become graver'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and not __fish_seen_subcommand_from list acknowledge help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from list" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from list" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from list" -l json -d 'Prints JSON, one alert a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -l all -d 'All that stand'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from acknowledge" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the alerts that stand, errors first, then by what happens soonest'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "acknowledge" -d 'Says that alerts are known: nobody is written to of them any more, unless they become graver'
complete -c sekisho -n "__fish_sekisho_using_subcommand alert; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -f -a "show" -d 'Shows which version is in force, what is in it, and its warnings'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -f -a "history" -d 'Shows who changed what, when and why, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -f -a "rollback" -d 'Makes the directory what it was at a version, as a new version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and not __fish_seen_subcommand_from show history rollback help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from show" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from show" -l json -d 'Prints JSON, with every document'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -l limit -d 'Versions at most' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -l json -d 'Prints JSON, one version a line'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from history" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from rollback" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows which version is in force, what is in it, and its warnings'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from help" -f -a "history" -d 'Shows who changed what, when and why, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from help" -f -a "rollback" -d 'Makes the directory what it was at a version, as a new version'
complete -c sekisho -n "__fish_sekisho_using_subcommand directory; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand export" -l version -d 'That of an older version' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand export" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand export" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand export" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand plan" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l days -d 'Days of past deliveries that are looked at' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l no-impact -d 'Leaves out which past deliveries and queued messages would be decided otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -l dry-run -d 'Says what would be changed and which mail it would have concerned, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand apply" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -f -a "exchange" -d 'Reads what Get-InboundConnector, Get-OutboundConnector and Get-AcceptedDomain say through ConvertTo-Json'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -f -a "postfix" -d 'Reads main.cf of Postfix and the tables that it names'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and not __fish_seen_subcommand_from exchange postfix help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l organization -d 'Whose they become; it is added when it is not there' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l leave-out -d 'What is taken out although it acts there: a property of Exchange, or fingerprint or dane-only of Postfix' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l apply -d 'Makes the change'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l text -d 'Prints the documents as text, as `sekisho export` does; what is said of them stands above as comments'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from exchange" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l organization -d 'Whose they become; it is added when it is not there' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l leave-out -d 'What is taken out although it acts there: a property of Exchange, or fingerprint or dane-only of Postfix' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l why -d 'Why, for the history' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l apply -d 'Makes the change'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l text -d 'Prints the documents as text, as `sekisho export` does; what is said of them stands above as comments'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from postfix" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "exchange" -d 'Reads what Get-InboundConnector, Get-OutboundConnector and Get-AcceptedDomain say through ConvertTo-Json'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "postfix" -d 'Reads main.cf of Postfix and the tables that it names'
complete -c sekisho -n "__fish_sekisho_using_subcommand import; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l from -d 'The sender\'s address, or <> for none [default: the postmaster of the first local domain]' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l subject -d 'The subject' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l text -d 'The text; `-` reads it from standard input' -r
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -l json -d 'Prints JSON'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand send" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -l config -d 'The configuration file [default: sekisho.toml here, then /etc/sekisho/sekisho.toml, then none]' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -l data-folder -d 'The data folder, whatever the configuration says' -r -F
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sekisho -n "__fish_sekisho_using_subcommand completions" -s V -l version -d 'Print version'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "serve" -d 'Runs the server'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "status" -d 'Shows what the server is and how full it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "queue" -d 'Looks at the queue and gives orders for what is in it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "trace" -d 'Finds messages and shows how they came in and went out, with the evidence on TLS'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "explain" -d 'Says which way mail to a recipient would take, and asks every host; no mail is sent'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "explain-inbound" -d 'Says what a recipient would be answered, and what each inbound connector has to do with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "config" -d 'Checks and shows the configuration'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "tls" -d 'Shows TLS as it is in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "store" -d 'Checks and recovers the data folder of a server that does not run'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "organization" -d 'Adds, changes and lists organizations: whose mail is carried'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "domain" -d 'Adds, changes and lists accepted domains: whose mail is taken from anyone'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "connector" -d 'Adds, changes and lists connectors: what is demanded of those who bring mail and where mail goes'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "rule" -d 'Adds, changes and lists rules: what is demanded of single messages'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "exception" -d 'Adds, changes and lists dated exceptions: what is let pass although more is demanded, until when'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "certificate" -d 'Looks at our own certificates, imports, requests and activates them'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "partner" -d 'What own traffic has taught of those with whom mail is exchanged'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "trust" -d 'Says which trust anchors are in force, whether a root is among them, and whether what they hang on works'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "alert" -d 'Lists what the operator should know of before it stops mail, and says that it is known'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "directory" -d 'Looks at the directory of all these and its versions'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "export" -d 'Prints the whole directory as text'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "plan" -d 'Says what a text would change in the directory, and whether it would be taken'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "apply" -d 'Makes the directory what a text says; what the text does not name is removed'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "import" -d 'Says what connectors and domains of another mail system come to here, and adds them if told so'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "send" -d 'Sends a test message'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "completions" -d 'Prints completions for a shell'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and not __fish_seen_subcommand_from serve status queue trace explain explain-inbound config tls store organization domain connector rule exception certificate partner trust alert directory export plan apply import send completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "list" -d 'Lists what is queued, oldest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "show" -d 'Shows everything about one message'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "hold" -d 'Stops attempts until released'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "release" -d 'Undoes a hold'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "retry" -d 'Tries now'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "bounce" -d 'Gives up and tells the sender'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "redirect" -d 'Sends what is undone of a message to another address'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from queue" -f -a "shape" -d 'Shows the queue by age and destination'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Reads the file as the server would and names everything that is wrong with it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Prints the configuration in force with all defaults, in the form of the file; without a running server, the one that would be in force'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from tls" -f -a "list" -d 'Lists what is in force, in the order of preference'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Looks at every page and every checksum, and changes nothing'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "recover" -d 'Brings every readable message into a new database, and lists what is missing'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from organization" -f -a "add" -d 'Adds an organization'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from organization" -f -a "set" -d 'Changes fields of an organization; `default` is always there'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from organization" -f -a "show" -d 'Shows an organization with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from organization" -f -a "list" -d 'Lists all organizations'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from organization" -f -a "remove" -d 'Removes an organization that has neither domains nor connectors nor rules any more'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "add" -d 'Accepts mail for a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "set" -d 'Changes an accepted domain, also to whom it belongs'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "show" -d 'Shows an accepted domain with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "list" -d 'Lists the accepted domains of the directory; those of sekisho.toml stand there'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from domain" -f -a "remove" -d 'Accepts mail for a domain no longer'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "add" -d 'Adds a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "set" -d 'Changes fields of a connector; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "show" -d 'Shows a connector with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "list" -d 'Lists connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "enable" -d 'Looks at a connector again'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "disable" -d 'Keeps a connector and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "remove" -d 'Removes a connector'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "validate" -d 'Tries an outbound connector: goes through all its hosts step by step, and sends a test message'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "validations" -d 'Lists how an outbound connector came out of its validations, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "draft" -d 'Makes or changes the draft of a connector, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "shadow" -d 'Says what a connector that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "promote" -d 'Enforces a connector that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from connector" -f -a "suggest" -d 'Prints the strictest connectors that all mail seen with a domain would have satisfied, as text'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "add" -d 'Adds a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "set" -d 'Changes fields of a rule; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "show" -d 'Shows a rule with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "list" -d 'Lists rules in the order in which they are looked at'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "enable" -d 'Looks at a rule again'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "disable" -d 'Keeps a rule and never looks at it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "remove" -d 'Removes a rule'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "draft" -d 'Makes or changes the draft of a rule, which is tried in its place; what is not named stays as it is'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "shadow" -d 'Says what a rule that is tried, or the draft of one, would have made of the mail so far'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from rule" -f -a "promote" -d 'Enforces a rule that is tried, or the draft of one; refused while that would break recent mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from exception" -f -a "add" -d 'Adds an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from exception" -f -a "set" -d 'Changes fields of an exception; an empty value unsets a field or empties a list'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from exception" -f -a "show" -d 'Shows an exception with all its fields'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from exception" -f -a "list" -d 'Lists exceptions, those that have ended too'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from exception" -f -a "remove" -d 'Removes an exception'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "role" -d 'Adds, changes and lists roles: what listeners and connectors name instead of a certificate'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "list" -d 'Lists certificates and requests, and which of them are presented'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "show" -d 'Shows a certificate with its chain and what was done to it, or all of a role'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "import" -d 'Takes a certificate into a role, checked: PEM, PKCS#12, or the answer to a request'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "request" -d 'Makes a key and a request for a certificate, and prints the request'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "renew" -d 'Orders the next certificate of a role from its authority at once, or says how it is renewed otherwise'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "revoke" -d 'Has the authority that issued a certificate revoke it'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "stage" -d 'Has a certificate wait until it is activated'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "activate" -d 'Has a certificate presented, at once or from an instant on'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "retire" -d 'Has a certificate presented no more'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "remove" -d 'Removes a certificate with its key, a request, or what is left of one'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "rollover" -d 'Rolls a role over to a new key, step by step, with its TLSA records'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "check" -d 'Checks a certificate, or all of a role, once more'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from certificate" -f -a "page" -d 'Prints what partners are told of the certificates that are published'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from partner" -f -a "list" -d 'Lists the domains with which mail was exchanged, and the TLS that was seen'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from partner" -f -a "show" -d 'Shows all that was seen of a domain'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from partner" -f -a "forecast" -d 'Says what will become of partners\' certificates, and of our own, before it stops mail'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from trust" -f -a "list" -d 'Lists the trust anchors in force: the system\'s, those of files, and those of connectors'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from trust" -f -a "check" -d 'Says whether roots are there, and which peers of the last 90 days would fail without them, or need them'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from trust" -f -a "endpoints" -d 'Fetches what certificates hang on (CRLs, OCSP answers, issuers\' certificates), and names the hosts to open'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "list" -d 'Lists the alerts that stand, errors first, then by what happens soonest'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from alert" -f -a "acknowledge" -d 'Says that alerts are known: nobody is written to of them any more, unless they become graver'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from directory" -f -a "show" -d 'Shows which version is in force, what is in it, and its warnings'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from directory" -f -a "history" -d 'Shows who changed what, when and why, newest first'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from directory" -f -a "rollback" -d 'Makes the directory what it was at a version, as a new version'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from import" -f -a "exchange" -d 'Reads what Get-InboundConnector, Get-OutboundConnector and Get-AcceptedDomain say through ConvertTo-Json'
complete -c sekisho -n "__fish_sekisho_using_subcommand help; and __fish_seen_subcommand_from import" -f -a "postfix" -d 'Reads main.cf of Postfix and the tables that it names'
