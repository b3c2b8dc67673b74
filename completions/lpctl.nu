module completions {

  def "nu-complete lpctl color" [] {
    [ "auto" "always" "never" ]
  }

  # Run, fund, watch and command nodes on the Livepeer network
  export extern lpctl [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    --version(-V)             # Print version
  ]

  def "nu-complete lpctl init role" [] {
    [ "orchestrator" "transcoder" "gateway" "delegator" ]
  }

  def "nu-complete lpctl init color" [] {
    [ "auto" "always" "never" ]
  }

  # Set lpctl up: network, endpoints, account, role and price, each tested at once
  export extern "lpctl init" [
    --role: string@"nu-complete lpctl init role" # What this machine is to be
    --new-account             # Make a new key, called as --name says
    --import: path            # Bring in the key of a keystore file, or of a file with a private key
    --name: string            # Name of the key that is made or brought in [default: the role]
    --keystore-dir: directory # Folder of keystore files; go-livepeer's works as it is
    --price: string           # What gateways pay for a pixel, or the most a gateway pays
    --service-uri: string     # Address gateways are told to use, with its port
    --orch-addr: string       # Where a transcoder finds its orchestrator
    --orch-secret-file: path  # File whose first line orchestrator and transcoders share
    --untested                # Write endpoints that cannot be used now
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl init color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl status color" [] {
    [ "auto" "always" "never" ]
  }

  # Show how things stand, on one screen
  export extern "lpctl status" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl status color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl stake color" [] {
    [ "auto" "always" "never" ]
  }

  # Put LPT behind an orchestrator, and see how it stands
  export extern "lpctl stake" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl stake bond color" [] {
    [ "auto" "always" "never" ]
  }

  # Bond LPT to yourself or to another orchestrator
  export extern "lpctl stake bond" [
    --to: string              # Orchestrator to delegate to: an account's name or an address
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake bond color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    amount: string            # LPT to add to your stake, like 100 or 100.5lpt
  ]

  def "nu-complete lpctl stake unbond color" [] {
    [ "auto" "always" "never" ]
  }

  # Begin to take stake back
  export extern "lpctl stake unbond" [
    --all                     # All of it, with rewards up to the moment the plan is made
    --resign                  # Go on although you are no orchestrator afterwards
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake unbond color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    amount?: string           # LPT to take back, like 100 or 100.5lpt
  ]

  def "nu-complete lpctl stake rebond color" [] {
    [ "auto" "always" "never" ]
  }

  # Bond what is in a lock again
  export extern "lpctl stake rebond" [
    --to: string              # Orchestrator to delegate to: an account's name or an address
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake rebond color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    lock: string              # The lock's number, as `lpctl stake locks` shows it
  ]

  def "nu-complete lpctl stake withdraw color" [] {
    [ "auto" "always" "never" ]
  }

  # Take unbonded stake into the wallet
  export extern "lpctl stake withdraw" [
    --all                     # Every lock that is ready
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake withdraw color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    lock?: string             # The lock's number, as `lpctl stake locks` shows it
  ]

  def "nu-complete lpctl stake locks color" [] {
    [ "auto" "always" "never" ]
  }

  # List stake on its way back, and when each part can be withdrawn
  export extern "lpctl stake locks" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake locks color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl stake claim color" [] {
    [ "auto" "always" "never" ]
  }

  # Settle rewards and fees up to this round
  export extern "lpctl stake claim" [
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake claim color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl stake transfer color" [] {
    [ "auto" "always" "never" ]
  }

  # Give bonded LPT to another account
  export extern "lpctl stake transfer" [
    --to: string              # Who gets it: an account's name or an address
    --resign                  # Go on although you are no orchestrator afterwards
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake transfer color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    amount: string            # LPT to give, like 100 or 100.5lpt
  ]

  def "nu-complete lpctl stake show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show an account's stake
  export extern "lpctl stake show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl stake show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl set-fees color" [] {
    [ "auto" "always" "never" ]
  }

  # Set the reward cut you keep and the fee share your delegators get
  export extern "lpctl set-fees" [
    --reward-cut: string      # Part of newly minted LPT you keep, like 10 or 12.5%
    --fee-share: string       # Part of ticket income your delegators get
    --fee-cut: string         # Part of ticket income you keep: 100 % less the fee share
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl set-fees color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch color" [] {
    [ "auto" "always" "never" ]
  }

  # Become an orchestrator, and look at those there are
  export extern "lpctl orch" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch activate color" [] {
    [ "auto" "always" "never" ]
  }

  # Become an orchestrator: stake, commission and published address in one go
  export extern "lpctl orch activate" [
    --service-uri: string     # Address gateways are told to use, with its port
    --bond: string            # LPT to add to your own stake; without it what is bonded must do
    --reward-cut: string      # Part of newly minted LPT you keep, like 10 or 12.5%
    --fee-share: string       # Part of ticket income your delegators get
    --fee-cut: string         # Part of ticket income you keep: 100 % less the fee share
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --allow-private           # Publish an address only your own network can reach
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch activate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch deactivate color" [] {
    [ "auto" "always" "never" ]
  }

  # Stop being an orchestrator: unbond all of your own stake
  export extern "lpctl orch deactivate" [
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch deactivate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch update color" [] {
    [ "auto" "always" "never" ]
  }

  # Change an orchestrator's commission or published address
  export extern "lpctl orch update" [
    --reward-cut: string      # Part of newly minted LPT you keep, like 10 or 12.5%
    --fee-share: string       # Part of ticket income your delegators get
    --fee-cut: string         # Part of ticket income you keep: 100 % less the fee share
    --service-uri: string     # Address gateways are told to use, with its port
    --allow-private           # Publish an address only your own network can reach
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch update color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the orchestrators of the pool
  export extern "lpctl orch list" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl orch show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one orchestrator
  export extern "lpctl orch show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl orch set-uri registry" [] {
    [ "main" "ai" "both" ]
  }

  def "nu-complete lpctl orch set-uri color" [] {
    [ "auto" "always" "never" ]
  }

  # Publish the address gateways are told to use
  export extern "lpctl orch set-uri" [
    --registry: string@"nu-complete lpctl orch set-uri registry" # Where to publish it
    --ai-registry: string     # The AI registry's contract, on a network lpctl does not know it for
    --allow-private           # Publish an address only your own network can reach
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl orch set-uri color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    uri: string               # Address with its port, like https://o1.example.org:8935
  ]

  def "nu-complete lpctl reward color" [] {
    [ "auto" "always" "never" ]
  }

  # Mint each round's reward
  export extern "lpctl reward" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl reward color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl reward call color" [] {
    [ "auto" "always" "never" ]
  }

  # Mint this round's reward for you and your delegators
  export extern "lpctl reward call" [
    --orchestrator: string    # Orchestrator whose reward is called, where the account is its reward caller (LIP-118)
    --lpt-per-eth: string     # LPT for one ETH, at your own price: warns where gas costs more than your part of the reward brings [default: reward.lpt_per_eth of the config file]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl reward call color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl reward status color" [] {
    [ "auto" "always" "never" ]
  }

  # Show whether it was called and what it brings
  export extern "lpctl reward status" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl reward status color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Orchestrator: a name or an address; without it the account in use
  ]

  def "nu-complete lpctl reward history color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what became of each round's reward: called, missed, or nothing to call
  export extern "lpctl reward history" [
    --rounds: string          # Rounds to go back, the current one included
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl reward history color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Orchestrator: a name or an address; without it the account in use
  ]

  def "nu-complete lpctl reward watch color" [] {
    [ "auto" "always" "never" ]
  }

  # Call each round's reward, in time and once
  export extern "lpctl reward watch" [
    --reward-orchestrator: string # Orchestrator whose rewards are called, where the account is its reward caller (LIP-118) [default: reward.orchestrator of the config file, else the account itself]
    --patient-gas-price: string # Most to pay for gas at the beginning of a round; it rises to --max-gas-price until three quarters have passed [default: reward.patient_gas_price of the config file, else a quarter of --max-gas-price]
    --min-reward: string      # Leave a reward that brings less LPT than this [default: reward.min_reward of the config file]
    --lpt-per-eth: string     # Leave a reward that brings less than its gas costs, at so many LPT for an ETH [default: reward.lpt_per_eth of the config file]
    --initialize-rounds       # Open rounds that nobody has opened: until then nobody can call reward or redeem tickets
    --initialize-max-delay: string # Seconds others are given to open a round, at most: a random part of it passes [default: reward.initialize_max_delay of the config file, else 30]
    --alert-at: string        # Alert when so many percent of a round have passed and reward is not called, like 25,50,75, or none [default: reward.alert_at of the config file, else 25,50,75]
    --alert-webhook: string   # URL that gets each alert as JSON in a POST [default: reward.alert_webhook of the config file]
    --alert-program: path     # Program to run for each alert, with its facts in the variables LPCTL_ALERT, LPCTL_ALERT_MESSAGE and others [default: reward.alert_program of the config file]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl reward watch color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl round color" [] {
    [ "auto" "always" "never" ]
  }

  # The protocol's clock
  export extern "lpctl round" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl round color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl round show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the current round and when things open and close
  export extern "lpctl round show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl round show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl round init color" [] {
    [ "auto" "always" "never" ]
  }

  # Initialise the current round, if nobody has yet
  export extern "lpctl round init" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl round init color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl deposit color" [] {
    [ "auto" "always" "never" ]
  }

  # Put ETH behind a gateway's tickets, and take it out again
  export extern "lpctl deposit" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl deposit show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show a gateway's deposit and reserve, and what tickets they allow
  export extern "lpctl deposit show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl deposit fund color" [] {
    [ "auto" "always" "never" ]
  }

  # Pay into the deposit and the reserve of a gateway
  export extern "lpctl deposit fund" [
    --deposit: string         # ETH to add to the deposit, like 0.02eth
    --reserve: string         # ETH to add to the reserve, like 0.1eth
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit fund color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl deposit unlock color" [] {
    [ "auto" "always" "never" ]
  }

  # Begin to unlock deposit and reserve
  export extern "lpctl deposit unlock" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit unlock color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl deposit cancel-unlock color" [] {
    [ "auto" "always" "never" ]
  }

  # Keep deposit and reserve locked after all
  export extern "lpctl deposit cancel-unlock" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit cancel-unlock color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl deposit withdraw color" [] {
    [ "auto" "always" "never" ]
  }

  # Take unlocked deposit and reserve out
  export extern "lpctl deposit withdraw" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl deposit withdraw color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl fees color" [] {
    [ "auto" "always" "never" ]
  }

  # See and take out what tickets earned
  export extern "lpctl fees" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl fees color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl fees show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the fees an account can withdraw
  export extern "lpctl fees show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl fees show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl fees withdraw color" [] {
    [ "auto" "always" "never" ]
  }

  # Take out what tickets earned
  export extern "lpctl fees withdraw" [
    --to: string              # Who gets it: an account's name or an address; without it the account itself
    --give-up-reward          # Go on although this round's reward on your stake is lost by it
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl fees withdraw color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    amount?: string           # How much, like 0.5eth; without it all there is
  ]

  def "nu-complete lpctl gov color" [] {
    [ "auto" "always" "never" ]
  }

  # Vote on the protocol and its treasury
  export extern "lpctl gov" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gov polls color" [] {
    [ "auto" "always" "never" ]
  }

  # List the polls about the protocol, open ones counted
  export extern "lpctl gov polls" [
    --rounds: string          # Rounds to go back
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov polls color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gov poll color" [] {
    [ "auto" "always" "never" ]
  }

  # Show a poll, counted, with who voted what
  export extern "lpctl gov poll" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov poll color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    poll: string              # The poll's contract
  ]

  def "nu-complete lpctl gov create color" [] {
    [ "auto" "always" "never" ]
  }

  # Make a poll about a text in IPFS
  export extern "lpctl gov create" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov create color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    text: string              # The text's IPFS address
  ]

  def "nu-complete lpctl gov vote choice" [] {
    [ "yes" "no" ]
  }

  def "nu-complete lpctl gov vote color" [] {
    [ "auto" "always" "never" ]
  }

  # Vote in a poll
  export extern "lpctl gov vote" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov vote color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    poll: string              # The poll's contract
    choice: string@"nu-complete lpctl gov vote choice" # What you say
  ]

  def "nu-complete lpctl gov proposals color" [] {
    [ "auto" "always" "never" ]
  }

  # List the proposals about the treasury
  export extern "lpctl gov proposals" [
    --rounds: string          # Rounds to go back
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov proposals color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gov proposal color" [] {
    [ "auto" "always" "never" ]
  }

  # Show a proposal about the treasury
  export extern "lpctl gov proposal" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov proposal color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # The proposal's number
  ]

  def "nu-complete lpctl gov vote-proposal choice" [] {
    [ "for" "against" "abstain" ]
  }

  def "nu-complete lpctl gov vote-proposal color" [] {
    [ "auto" "always" "never" ]
  }

  # Vote on a proposal about the treasury
  export extern "lpctl gov vote-proposal" [
    --reason: string          # Why, for everybody to read
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov vote-proposal color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # The proposal's number
    choice: string@"nu-complete lpctl gov vote-proposal choice" # What you say
  ]

  def "nu-complete lpctl gov propose color" [] {
    [ "auto" "always" "never" ]
  }

  # Propose something to the treasury
  export extern "lpctl gov propose" [
    --pay: string             # LPT to pay out of the treasury
    --to: string              # Who gets it: an account's name or an address
    --call: string            # A call: contract, input, and ETH if any; repeat it for more
    --description: string     # What it is about, in Markdown; the first line is the title
    --description-file: path  # File with what it is about; `-` reads standard input
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov propose color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gov queue color" [] {
    [ "auto" "always" "never" ]
  }

  # Put a proposal that won into the treasury's queue
  export extern "lpctl gov queue" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov queue color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # The proposal's number
  ]

  def "nu-complete lpctl gov execute color" [] {
    [ "auto" "always" "never" ]
  }

  # Do what a queued proposal says
  export extern "lpctl gov execute" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov execute color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # The proposal's number
  ]

  def "nu-complete lpctl gov power color" [] {
    [ "auto" "always" "never" ]
  }

  # Explain what an account's vote weighs
  export extern "lpctl gov power" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gov power color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl tx color" [] {
    [ "auto" "always" "never" ]
  }

  # Look at transactions that were sent from here, hurry or cancel those that wait
  export extern "lpctl tx" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl tx color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl tx list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the transactions an account sent from here
  export extern "lpctl tx list" [
    --open                    # Only those that can still be mined
    --limit: string           # How many at most
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl tx list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl tx show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what became of a transaction
  export extern "lpctl tx show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl tx show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    hash: string              # The transaction's hash
  ]

  def "nu-complete lpctl tx speed-up color" [] {
    [ "auto" "always" "never" ]
  }

  # Offer more for a transaction that waits
  export extern "lpctl tx speed-up" [
    --gas-price: string       # What to offer for a unit of gas; without it what a new transaction would offer, 11 % more at least
    --wait: string            # How long to wait until one of the two is mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl tx speed-up color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    hash?: string             # The transaction's hash; without it the one that is next to be mined
  ]

  def "nu-complete lpctl tx cancel color" [] {
    [ "auto" "always" "never" ]
  }

  # Take the nonce of a transaction that waits, so that it can never be mined
  export extern "lpctl tx cancel" [
    --gas-price: string       # What to offer for a unit of gas; without it what a new transaction would offer, 11 % more at least
    --wait: string            # How long to wait until one of the two is mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl tx cancel color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    hash: string              # The transaction's hash
  ]

  def "nu-complete lpctl ticket color" [] {
    [ "auto" "always" "never" ]
  }

  # Winning tickets: what waits, why, and what was paid
  export extern "lpctl ticket" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ticket color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl ticket list color" [] {
    [ "auto" "always" "never" ]
  }

  # List winning tickets: value, sender, time left, break-even gas price, and why each one waits
  export extern "lpctl ticket list" [
    --all                     # Show settled tickets too, the newest first
    --sender: string          # Only the tickets of this gateway
    --limit: string           # Show so many at most
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ticket list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl ticket show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one winning ticket: its window, its state and everything its sender signed
  export extern "lpctl ticket show" [
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ticket show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    hash: string              # The ticket's hash, as `lpctl ticket list --json` gives it
  ]

  def "nu-complete lpctl ticket redeem color" [] {
    [ "auto" "always" "never" ]
  }

  # Redeem winning tickets now, without waiting for cheaper gas or for others to share it with
  export extern "lpctl ticket redeem" [
    --all                     # Whatever can be redeemed now
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ticket redeem color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...hashes: string         # The tickets' hashes, as `lpctl ticket list --json` gives them
  ]

  def "nu-complete lpctl ticket stats color" [] {
    [ "auto" "always" "never" ]
  }

  # Sum up what was won, paid and lost, by gateway
  export extern "lpctl ticket stats" [
    --data-dir: directory     # The files of the node or redeemer whose tickets they are [default: `node` in lpctl's data folder]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ticket stats color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl ledger color" [] {
    [ "auto" "always" "never" ]
  }

  # What moved in and out of an account, for accounts and taxes
  export extern "lpctl ledger" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ledger color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl ledger export format" [] {
    [ "csv" "json" "beancount" ]
  }

  def "nu-complete lpctl ledger export color" [] {
    [ "auto" "always" "never" ]
  }

  # Export rewards, fees, gas and changes of stake of an account, exact to the wei
  export extern "lpctl ledger export" [
    --from: string            # First block, or first day (UTC) or moment, like 2026-01-31 or 2026-01-31T12:00:00Z [default: 30 days ago]
    --to: string              # Last block, or last day (UTC), or the moment before which it ends [default: now]
    --format: string@"nu-complete lpctl ledger export format" # What to write; with --json always JSON
    --output(-o): path        # Write it to this file, which others cannot read, and show a summary
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl ledger export color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the account in use
  ]

  def "nu-complete lpctl explorer color" [] {
    [ "auto" "always" "never" ]
  }

  # Look at the protocol's history in its subgraph
  export extern "lpctl explorer" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl explorer orchestrators color" [] {
    [ "auto" "always" "never" ]
  }

  # List orchestrators by stake, with their fees of thirty days
  export extern "lpctl explorer orchestrators" [
    --url: string             # The subgraph's GraphQL endpoint
    --key-file: path          # File whose first line is the API key
    --timeout: string         # Seconds to wait for each answer
    --limit: string           # How many rows to show
    --all                     # Those too that are not active
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer orchestrators color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl explorer orchestrator color" [] {
    [ "auto" "always" "never" ]
  }

  # Show an orchestrator's last rounds: rewards, fees and stake
  export extern "lpctl explorer orchestrator" [
    --url: string             # The subgraph's GraphQL endpoint
    --key-file: path          # File whose first line is the API key
    --timeout: string         # Seconds to wait for each answer
    --limit: string           # How many rows to show
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer orchestrator color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    address: string           # Its address
  ]

  def "nu-complete lpctl explorer delegators color" [] {
    [ "auto" "always" "never" ]
  }

  # List an orchestrator's delegators by stake
  export extern "lpctl explorer delegators" [
    --url: string             # The subgraph's GraphQL endpoint
    --key-file: path          # File whose first line is the API key
    --timeout: string         # Seconds to wait for each answer
    --limit: string           # How many rows to show
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer delegators color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    address: string           # The orchestrator's address
  ]

  def "nu-complete lpctl explorer rounds color" [] {
    [ "auto" "always" "never" ]
  }

  # List the last rounds: what was minted, paid and staked
  export extern "lpctl explorer rounds" [
    --url: string             # The subgraph's GraphQL endpoint
    --key-file: path          # File whose first line is the API key
    --timeout: string         # Seconds to wait for each answer
    --limit: string           # How many rows to show
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer rounds color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl explorer events color" [] {
    [ "auto" "always" "never" ]
  }

  # List what an orchestrator earned: rewards and redeemed tickets
  export extern "lpctl explorer events" [
    --days: string            # How many days back
    --url: string             # The subgraph's GraphQL endpoint
    --key-file: path          # File whose first line is the API key
    --timeout: string         # Seconds to wait for each answer
    --limit: string           # How many rows to show
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explorer events color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    address: string           # The orchestrator's address
  ]

  def "nu-complete lpctl studio color" [] {
    [ "auto" "always" "never" ]
  }

  # Manage the streams, recordings and files of a Livepeer Studio account
  export extern "lpctl studio" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio stream color" [] {
    [ "auto" "always" "never" ]
  }

  # Live streams
  export extern "lpctl studio stream" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio stream list color" [] {
    [ "auto" "always" "never" ]
  }

  # List live streams, and who sends now
  export extern "lpctl studio stream list" [
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio stream show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one live stream: its health, rates and renditions
  export extern "lpctl studio stream show" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --show-key                # Show the stream key too: whoever has it can send as this stream
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio stream create color" [] {
    [ "auto" "always" "never" ]
  }

  # Make a live stream
  export extern "lpctl studio stream create" [
    --record                  # Keep a recording of every session
    --ladder: string          # Renditions, like `1280x720@3000k@30,640x360@800k@30` [default: Studio's]
    --show-key                # Show the stream key: whoever has it can send as this stream
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream create color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete lpctl studio stream set record" [] {
    [ "true" "false" ]
  }

  def "nu-complete lpctl studio stream set suspended" [] {
    [ "true" "false" ]
  }

  def "nu-complete lpctl studio stream set color" [] {
    [ "auto" "always" "never" ]
  }

  # Change a live stream: whether it is recorded, and whether it is taken at all
  export extern "lpctl studio stream set" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --record: string@"nu-complete lpctl studio stream set record" # Whether sessions from now on are recorded
    --suspended: string@"nu-complete lpctl studio stream set suspended" # Whether the stream is refused
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream set color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio stream terminate color" [] {
    [ "auto" "always" "never" ]
  }

  # End what is sent to a stream now
  export extern "lpctl studio stream terminate" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream terminate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio stream delete color" [] {
    [ "auto" "always" "never" ]
  }

  # Delete a stream; its key is worth nothing after that
  export extern "lpctl studio stream delete" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio stream delete color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio session color" [] {
    [ "auto" "always" "never" ]
  }

  # The times somebody sent a stream
  export extern "lpctl studio session" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio session color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio session list color" [] {
    [ "auto" "always" "never" ]
  }

  # List sessions: when, how long, and their recordings
  export extern "lpctl studio session list" [
    --stream: string          # Only those of one stream
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio session list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio session show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one session and where its recording is
  export extern "lpctl studio session show" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio session show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio asset color" [] {
    [ "auto" "always" "never" ]
  }

  # Files
  export extern "lpctl studio asset" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio asset color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio asset list color" [] {
    [ "auto" "always" "never" ]
  }

  # List files and how far they are
  export extern "lpctl studio asset list" [
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio asset list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio asset show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one file: what is in it and where it plays
  export extern "lpctl studio asset show" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio asset show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio asset import color" [] {
    [ "auto" "always" "never" ]
  }

  # Have Studio fetch a file from the web
  export extern "lpctl studio asset import" [
    --name: string            # Its name [default: the last part of the URL's path]
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio asset import color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    from: string              # Where the file is
  ]

  def "nu-complete lpctl studio asset delete color" [] {
    [ "auto" "always" "never" ]
  }

  # Delete a file
  export extern "lpctl studio asset delete" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio asset delete color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio task color" [] {
    [ "auto" "always" "never" ]
  }

  # Studio's work on files
  export extern "lpctl studio task" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio task color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio task list color" [] {
    [ "auto" "always" "never" ]
  }

  # List imports, exports and other work, and how far it is
  export extern "lpctl studio task list" [
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio task list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio task show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show how far one piece of work is
  export extern "lpctl studio task show" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio task show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio playback color" [] {
    [ "auto" "always" "never" ]
  }

  # Show where a stream, recording or file plays
  export extern "lpctl studio playback" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio playback color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio webhook color" [] {
    [ "auto" "always" "never" ]
  }

  # Who is told of what happens
  export extern "lpctl studio webhook" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio webhook color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio webhook list color" [] {
    [ "auto" "always" "never" ]
  }

  # List webhooks and whether their last calls failed
  export extern "lpctl studio webhook list" [
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio webhook list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio webhook show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one webhook
  export extern "lpctl studio webhook show" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio webhook show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio webhook create color" [] {
    [ "auto" "always" "never" ]
  }

  # Have an address told of what happens
  export extern "lpctl studio webhook create" [
    --to: string              # Where it goes
    --event: string           # What it is told of, like `stream.started`, `stream.idle`, `recording.ready`, `asset.ready`; may be repeated
    --stream: string          # Only of this stream
    --secret-file: path       # File whose first line is the secret that its calls are signed with
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio webhook create color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name
  ]

  def "nu-complete lpctl studio webhook delete color" [] {
    [ "auto" "always" "never" ]
  }

  # Delete a webhook
  export extern "lpctl studio webhook delete" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio webhook delete color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl studio target color" [] {
    [ "auto" "always" "never" ]
  }

  # Other services that streams are sent on to
  export extern "lpctl studio target" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio target color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio target list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the services that streams are sent on to
  export extern "lpctl studio target list" [
    --limit: string           # How many rows to show
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio target list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl studio target delete color" [] {
    [ "auto" "always" "never" ]
  }

  # Delete one of them: no stream is sent there any more
  export extern "lpctl studio target delete" [
    --key-file: path          # File whose first line is the API key
    --url: string             # Studio's interface [default: https://livepeer.studio/api]
    --timeout: string         # Seconds to wait for each answer
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl studio target delete color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    id: string                # Its id
  ]

  def "nu-complete lpctl token color" [] {
    [ "auto" "always" "never" ]
  }

  # LPT in the wallet
  export extern "lpctl token" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl token color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl token balance color" [] {
    [ "auto" "always" "never" ]
  }

  # Show an account's LPT and ETH
  export extern "lpctl token balance" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl token balance color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Account: a name or an address; without it the one in use
  ]

  def "nu-complete lpctl token transfer color" [] {
    [ "auto" "always" "never" ]
  }

  # Send LPT from the wallet to another account
  export extern "lpctl token transfer" [
    --to: string              # Who gets it: an account's name or an address
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl token transfer color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    amount: string            # LPT to send, like 100 or 100.5lpt
  ]

  def "nu-complete lpctl token faucet color" [] {
    [ "auto" "always" "never" ]
  }

  # Get test LPT, where the network has a faucet
  export extern "lpctl token faucet" [
    --queue                   # Send even though an earlier transaction of the account is not mined yet
    --wait: string            # How long to wait for each transaction to be mined, in seconds
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl token faucet color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl protocol color" [] {
    [ "auto" "always" "never" ]
  }

  # The protocol's contracts and parameters
  export extern "lpctl protocol" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl protocol color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl protocol show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show contracts, rounds, inflation and limits
  export extern "lpctl protocol show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl protocol show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl rpc color" [] {
    [ "auto" "always" "never" ]
  }

  # Test the RPC endpoints, and offer them to any node as one
  export extern "lpctl rpc" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl rpc color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl rpc test color" [] {
    [ "auto" "always" "never" ]
  }

  # Test the RPC endpoints: whether they answer, how fast, and how far behind they are
  export extern "lpctl rpc test" [
    --reads: string           # Timed reads of each endpoint
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl rpc test color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl rpc serve color" [] {
    [ "auto" "always" "never" ]
  }

  # Offer all RPC endpoints as one on this machine, for any node
  export extern "lpctl rpc serve" [
    --listen: string          # Address to listen on
    --allow-remote: string    # Let other machines use it too, and why: whoever reaches it spends your endpoints' requests
    --stats: string           # Seconds between two lines that tell what was done; 0 for none
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl rpc serve color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl run mode" [] {
    [ "combined" "orchestrator" "transcoder" "redeemer" ]
  }

  def "nu-complete lpctl run preset" [] {
    [ "auto" "ultrafast" "superfast" "veryfast" "faster" "fast" "medium" "slow" "slower" "veryslow" "placebo" ]
  }

  def "nu-complete lpctl run fence" [] {
    [ "strict" "auto" "off" ]
  }

  def "nu-complete lpctl run fallback" [] {
    [ "never" "on-fault" "always" ]
  }

  def "nu-complete lpctl run auto_adjust_price" [] {
    [ "true" "false" ]
  }

  def "nu-complete lpctl run color" [] {
    [ "auto" "always" "never" ]
  }

  # Run the node: take segments from gateways and transcode them, here or on other machines
  export extern "lpctl run" [
    --mode: string@"nu-complete lpctl run mode" # What the node is [default: mode of the config file, else combined]
    --orch-addr: string       # Where a transcoder finds its orchestrator [default: orch_addr of the config file]
    --orch-secret-file: path  # File whose first line orchestrator and transcoders share [default: orch_secret_file of the config file]
    --service-addr: string    # Address gateways are told to use [default: service_addr of the config file]
    --bind: string            # Address to listen on; without it every address for a public --service-addr, else 127.0.0.1:8935
    --operator-addr: string   # Address of the operator's API; beyond loopback it takes a token [default: 127.0.0.1:7935, of a transcoder 127.0.0.1:6935]
    --max-sessions: string    # Streams to serve at once [default: max_sessions of the config file, else 10]
    --plain                   # Speak HTTP without TLS
    --private-sources         # Fetch sources also from private addresses, if gateways keep their segments there
    --offchain                # Leave the chain out of it, whatever the profile says
    --ffmpeg: path            # The ffmpeg to use, instead of the one on the search path
    --preset: string@"nu-complete lpctl run preset" # How thoroughly to encode: faster presets make larger or worse renditions [default: transcode.cpu.preset of the config file, else auto]
    --fence: string@"nu-complete lpctl run fence" # What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    --nodes: string           # Further addresses of this orchestrator that gateways are told, https only; several with commas [default: orchestrator.nodes of the config file]
    --region: string          # Label for where the node is, like eu-west [default: orchestrator.region of the config file]
    --peers: string           # Nodes to measure the way to, shown in the node's status; several with commas [default: orchestrator.peers of the config file]
    --object-store-file: path # File whose first line is the URL of an object store for sources and renditions, with its keys [default: orchestrator.object_store_file of the config file]
    --discovery-webhook: string # URL that is asked whether a gateway is served; all are without one [default: orchestrator.discovery_webhook of the config file]
    --gpus: string            # GPUs to use: all, none, or numbers and UUIDs like 0,1
    --fallback: string@"nu-complete lpctl run fallback" # When the CPU may do the GPUs' work; without GPUs it always does
    --nvml: path              # The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    --data-dir: directory     # The node's own files; one node at a time [default: `node`, of a transcoder `transcoder`, of a redeemer `redeemer`, in lpctl's data folder]
    --work-dir: directory     # Where segments are worked on [default: in memory, if there is room]
    --price: string           # What gateways pay: wei for a pixel, or with a currency behind it, like 0.02usd [default: payments.price of the config file]
    --pixels-per-unit: string # Pixels that prices are for [default: payments.pixels_per_unit of the config file, else 1]
    --price-per-gateway: string # What single gateways pay; several with commas [default: payments.price_per_gateway of the config file]
    --ticket-ev: string       # What each ticket is worth on average [default: payments.ticket_ev of the config file, else 8gwei]
    --max-face-value: string  # The most a winning ticket pays [default: payments.max_face_value of the config file, else what gas makes sensible]
    --auto-adjust-price: string@"nu-complete lpctl run auto_adjust_price" # Whether prices grow by what redeeming tickets costs [default: payments.auto_adjust_price of the config file, else true]
    --price-feed: string      # Contract that tells what ETH costs in a currency, as Chainlink's do [default: payments.price_feed of the config file, else on arbitrum-one the one for dollars]
    --reward-orchestrator: string # Orchestrator whose rewards are called, where the account is its reward caller (LIP-118) [default: reward.orchestrator of the config file, else the account itself]
    --patient-gas-price: string # Most to pay for gas at the beginning of a round; it rises to --max-gas-price until three quarters have passed [default: reward.patient_gas_price of the config file, else a quarter of --max-gas-price]
    --min-reward: string      # Leave a reward that brings less LPT than this [default: reward.min_reward of the config file]
    --lpt-per-eth: string     # Leave a reward that brings less than its gas costs, at so many LPT for an ETH [default: reward.lpt_per_eth of the config file]
    --initialize-rounds       # Open rounds that nobody has opened: until then nobody can call reward or redeem tickets
    --initialize-max-delay: string # Seconds others are given to open a round, at most: a random part of it passes [default: reward.initialize_max_delay of the config file, else 30]
    --alert-at: string        # Alert when so many percent of a round have passed and reward is not called, like 25,50,75, or none [default: reward.alert_at of the config file, else 25,50,75]
    --alert-webhook: string   # URL that gets each alert as JSON in a POST [default: reward.alert_webhook of the config file]
    --alert-program: path     # Program to run for each alert, with its facts in the variables LPCTL_ALERT, LPCTL_ALERT_MESSAGE and others [default: reward.alert_program of the config file]
    --no-reward               # Leave it to others to call reward: another host, or `lpctl reward watch`
    --redeemer: string        # Leave winning tickets with a redeemer elsewhere, which pays the gas
    --redeemer-secret-file: path # File whose first line orchestrators and their redeemer share
    --recipient: string       # With --mode redeemer: the orchestrator whose tickets are redeemed
    --open-rounds             # Open a round nobody has opened when tickets wait for it that are worth more than that costs
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl run color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node color" [] {
    [ "auto" "always" "never" ]
  }

  # See and command running nodes
  export extern "lpctl node" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what a node is and how it stands
  export extern "lpctl node show" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node sessions color" [] {
    [ "auto" "always" "never" ]
  }

  # List the streams a node serves now
  export extern "lpctl node sessions" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node sessions color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node transcoders color" [] {
    [ "auto" "always" "never" ]
  }

  # List the transcoders registered with an orchestrator
  export extern "lpctl node transcoders" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node transcoders color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node drain color" [] {
    [ "auto" "always" "never" ]
  }

  # Let a node finish what it has and take nothing new
  export extern "lpctl node drain" [
    --wait                    # Follow the node until nothing is left
    --timeout: string         # Give up waiting after so many seconds; the node goes on draining
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node drain color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node end-session color" [] {
    [ "auto" "always" "never" ]
  }

  # End a session: its running work is stopped, its renditions are dropped
  export extern "lpctl node end-session" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node end-session color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    session: string           # Its id, as `lpctl node sessions` shows it
  ]

  def "nu-complete lpctl node set-price color" [] {
    [ "auto" "always" "never" ]
  }

  # Change what gateways pay, all of them or one
  export extern "lpctl node set-price" [
    --pixels-per-unit: string # Pixels the price is for [default: 1]
    --gateway: string         # The one gateway that pays it
    --usual                   # Have the gateway pay what all pay
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-price color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    price?: string            # The price: wei, or with a currency behind it, and behind a slash the pixels it is for
  ]

  def "nu-complete lpctl node set-capability-price color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the most a go-livepeer gateway pays for an AI pipeline and model
  export extern "lpctl node set-capability-price" [
    --model: string           # The model
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-capability-price color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    pipeline: string          # The pipeline, like text-to-image
    price: string             # The most: wei, or with a currency behind it, and behind a slash the units it is for
  ]

  def "nu-complete lpctl node set-max-sessions color" [] {
    [ "auto" "always" "never" ]
  }

  # Change how many streams a node serves at once
  export extern "lpctl node set-max-sessions" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-max-sessions color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    sessions: string          # How many, or auto
  ]

  def "nu-complete lpctl node set-max-face-value color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the most a winning ticket pays
  export extern "lpctl node set-max-face-value" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-max-face-value color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    limit: string             # The most, with its unit, or none
  ]

  def "nu-complete lpctl node set-max-gas-price color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the most a node pays for gas
  export extern "lpctl node set-max-gas-price" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-max-gas-price color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    limit: string             # The most for a unit of gas, or none
  ]

  def "nu-complete lpctl node set-min-gas-price color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the least a node offers for gas
  export extern "lpctl node set-min-gas-price" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node set-min-gas-price color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    price: string             # The least for a unit of gas
  ]

  def "nu-complete lpctl node broadcast-config color" [] {
    [ "auto" "always" "never" ]
  }

  # See and change how a go-livepeer gateway sends
  export extern "lpctl node broadcast-config" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node broadcast-config color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node broadcast-config show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the most a gateway pays and the renditions it asks for
  export extern "lpctl node broadcast-config show" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node broadcast-config show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node broadcast-config set color" [] {
    [ "auto" "always" "never" ]
  }

  # Change the most a gateway pays, or the renditions it asks for
  export extern "lpctl node broadcast-config set" [
    --max-price: string       # The most for a pixel, as `set-price` takes it, or none for any price
    --presets: string         # Names of renditions, with commas between them; the node knows 13
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node broadcast-config set color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node log-level color" [] {
    [ "auto" "always" "never" ]
  }

  # Change how much a node logs
  export extern "lpctl node log-level" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node log-level color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    level: string             # error, warn, info, debug or trace; or 0 to 6 as go-livepeer counts
  ]

  def "nu-complete lpctl node audit color" [] {
    [ "auto" "always" "never" ]
  }

  # Show what was changed over a node's operator API, by whom and with what outcome
  export extern "lpctl node audit" [
    --limit: string           # Lines to show, the newest first
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node audit color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node token color" [] {
    [ "auto" "always" "never" ]
  }

  # Make, list and take back tokens of the operator API
  export extern "lpctl node token" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node token color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node token new scope" [] {
    [ "read" "operate" "money" ]
  }

  def "nu-complete lpctl node token new color" [] {
    [ "auto" "always" "never" ]
  }

  # Make a token for the operator API of the nodes run on this machine
  export extern "lpctl node token new" [
    --scope: string@"nu-complete lpctl node token new scope" # What it allows; each allows what is before it too
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node token new color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name: what the audit log calls whoever shows it
  ]

  def "nu-complete lpctl node token list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the tokens of the operator API, without what is secret of them
  export extern "lpctl node token list" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node token list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl node token revoke color" [] {
    [ "auto" "always" "never" ]
  }

  # Take a token back: from the next request on it is worth nothing
  export extern "lpctl node token revoke" [
    --all                     # All nodes of the config's [nodes]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl node token revoke color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name: string              # Its name, as `lpctl node token list` shows it
  ]

  def "nu-complete lpctl gpu color" [] {
    [ "auto" "always" "never" ]
  }

  # See and test the GPUs that encode, and the CPU
  export extern "lpctl gpu" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gpu color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gpu list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the GPUs and the CPU: readings, state, sessions
  export extern "lpctl gpu list" [
    --nvml: path              # The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gpu list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gpu watch color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the GPUs and the CPU live
  export extern "lpctl gpu watch" [
    --interval: string        # Time between readings
    --count: string           # End after so many readings
    --nvml: path              # The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gpu watch color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gpu test color" [] {
    [ "auto" "always" "never" ]
  }

  # Test what each device can do, by transcoding a small clip on it
  export extern "lpctl gpu test" [
    --device: string          # Device to test: an id, a number or the beginning of a UUID; repeatable [default: all]
    --ffmpeg: path            # The ffmpeg to use, instead of the one on the search path
    --nvml: path              # The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gpu test color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl logs level" [] {
    [ "error" "warn" "info" "debug" "trace" ]
  }

  def "nu-complete lpctl logs color" [] {
    [ "auto" "always" "never" ]
  }

  # Read and follow a node's log, lpctl's or go-livepeer's
  export extern "lpctl logs" [
    --follow(-f)              # Go on with what comes
    --file: path              # Read this file in place of a node's log; - reads standard input
    --level: string@"nu-complete lpctl logs level" # Only lines at least this grave
    --session: string         # Only lines about this session
    --segment: string         # Only lines about this segment
    --manifest: string        # Only lines about this stream
    --text: string            # Only lines that say this
    --since: string           # Only lines since then: like 30s, 10m, 2h, 3d, or 2026-01-31T12:00:00Z
    --lines(-n): string       # So many of the last lines; all of a file where nothing is said
    --explain                 # Say why known lines come, and what to do, where each comes first
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl logs color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl alerts color" [] {
    [ "auto" "always" "never" ]
  }

  # Who is told of what needs attention
  export extern "lpctl alerts" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl alerts color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl alerts list color" [] {
    [ "auto" "always" "never" ]
  }

  # List what a node tells of, and to whom
  export extern "lpctl alerts list" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl alerts list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl alerts test channel" [] {
    [ "webhook" "exec" "desktop" ]
  }

  def "nu-complete lpctl alerts test color" [] {
    [ "auto" "always" "never" ]
  }

  # Send a test alert through the channels of the config, or through one of them
  export extern "lpctl alerts test" [
    --channel: string@"nu-complete lpctl alerts test channel" # Only this one: webhook, exec or desktop
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl alerts test color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl doctor fence" [] {
    [ "strict" "auto" "off" ]
  }

  def "nu-complete lpctl doctor color" [] {
    [ "auto" "always" "never" ]
  }

  # Check this machine, the config and the account for running a node, and say what to do where something is wrong
  export extern "lpctl doctor" [
    --ffmpeg: path            # The ffmpeg to check, instead of the one on the search path
    --fence: string@"nu-complete lpctl doctor fence" # What the node is to do where this kernel cannot fence ffmpeg off
    --data-dir: directory     # The node's own files [default: `node` in lpctl's data folder]
    --work-dir: directory     # Where segments are worked on [default: in memory, if there is room]
    --service-addr: string    # Address gateways are to be told
    --bind: string            # Address to listen on; without it every address for a public --service-addr, else 127.0.0.1:8935
    --operator-addr: string   # Loopback address of the operator's API [default: 127.0.0.1:7935]
    --plain                   # The node speaks HTTP without TLS
    --offchain                # Leave the chain out of it, whatever the profile says
    --fix                     # Put right what is safe to: take files with keys from others, make missing folders
    --nvml: path              # The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl doctor color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl why color" [] {
    [ "auto" "always" "never" ]
  }

  # Tell why an orchestrator gets no work, the likeliest reason first, each with what to do
  export extern "lpctl why" [
    --ask: string             # How many other orchestrators to ask for their price
    --limit: string           # How long each may take to answer, in seconds
    --as: string              # Account with a deposit and a reserve to ask as; its key is needed
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl why color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Orchestrator: a name or an address; without it the account in use
  ]

  def "nu-complete lpctl gateway color" [] {
    [ "auto" "always" "never" ]
  }

  # Send video to orchestrators, as gateways do
  export extern "lpctl gateway" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gateway color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gateway run verify" [] {
    [ "off" "signatures" "full" ]
  }

  def "nu-complete lpctl gateway run fence" [] {
    [ "strict" "auto" "off" ]
  }

  def "nu-complete lpctl gateway run color" [] {
    [ "auto" "always" "never" ]
  }

  # Run a gateway: take live streams, have them transcoded by orchestrators, and play them over HLS
  export extern "lpctl gateway run" [
    --http-addr: string       # Where segments are pushed to and streams play from [default: gateway.http_addr of the config file, else 127.0.0.1:9935]
    --rtmp-addr: string       # Where RTMP comes in, usually on port 1935; not at all unless given
    --cli-addr: string        # Loopback address of the gateway's own API [default: gateway.cli_addr of the config file, else 127.0.0.1:5935]
    --http-ingest             # Let anybody send streams, also from elsewhere
    --orch: string            # Orchestrator to send to; repeat it for more. https and port 8935 unless told otherwise. Without any, those active on the chain of the profile or --network
    --orchestrator: string    # Orchestrator to send to; repeat it for more. https and port 8935 unless told otherwise. Without any, those active on the chain of the profile or --network
    --orch-webhook: string    # Ask this webhook for orchestrators, in place of --orch
    --ladder: string          # Renditions to ask for, where the webhook or the request says nothing else: presets, WIDTHxHEIGHT@BITRATE[@FPS], or JSON [default: gateway.ladder of the config file, else P240p30fps16x9,P360p30fps16x9]
    --max-sessions: string    # Streams at once [default: gateway.max_sessions of the config file, else 10]
    --auth-webhook: string    # Ask this webhook whether a stream is taken and what is to be made of it
    --keys: path              # Take streams only with one of the API keys of this file; `lpctl gateway key new` makes them
    --log: path               # Write a line of JSON for each segment into this file
    --verify: string@"nu-complete lpctl gateway run verify" # How far results are checked: not at all, the orchestrator's signature, or all renditions decoded [default: gateway.verify of the config file, else signatures]
    --attempts: string        # How often a segment is sent at most, each time to another orchestrator if there is one
    --block: string           # Account of an orchestrator not to work with; repeat it for more
    --extra-nodes: string     # How many of the further addresses an orchestrator names are asked as well
    --min-version: string     # Oldest version of an orchestrator that will do, like 0.8.0
    --offchain                # Sign and pay nothing, whatever the profile says: off-chain orchestrators do not ask for it
    --max-price: string       # Most to pay for a pixel, in wei, like 1200 or 0.5 or 1/3; orchestrators that ask more get no segments [default: gateway.max_price of the config file, else any price]
    --max-ticket-ev: string   # Most one ticket may be worth [default: gateway.max_ticket_ev of the config file, else 3000gwei]
    --max-total-ev: string    # Most all tickets of one segment may be worth [default: gateway.max_total_ev of the config file, else 20000gwei]
    --deposit-multiplier: string # How many winning tickets the deposit must cover [default: gateway.deposit_multiplier of the config file, else 1]
    --ffmpeg: path            # The ffmpeg to use, instead of the one on the search path
    --fence: string@"nu-complete lpctl gateway run fence" # What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gateway run color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gateway push color" [] {
    [ "auto" "always" "never" ]
  }

  # Send a file through orchestrators and check what comes back
  export extern "lpctl gateway push" [
    --orch: string            # Orchestrator to send it to, repeatable; https and port 8935 unless told otherwise
    --orchestrator: string    # Orchestrator to send it to, repeatable; https and port 8935 unless told otherwise
    --orch-webhook: string    # Webhook that names the orchestrators, instead of `--orch`
    --ladder: string          # Renditions to ask for: presets, WIDTHxHEIGHT@BITRATE[@FPS], or JSON
    --out: directory          # Folder for the renditions and their playlists; without it they are dropped once checked
    --segment-seconds: string # Shortest segment, in seconds; it ends at the next key frame
    --concurrency: string     # Segments on their way at the same time
    --attempts: string        # How often a segment is sent at most, where sending it again may help
    --repeat: string          # Send the file so many times, one after the other in one stream
    --no-verify               # Download the renditions without decoding and comparing them
    --offchain                # Sign and pay nothing, whatever the profile says: off-chain orchestrators do not ask for it
    --max-price: string       # Most to pay for a pixel, in wei, like 1200 or 0.5 or 1/3; orchestrators that ask more get no segments [default: gateway.max_price of the config file, else any price]
    --max-ticket-ev: string   # Most one ticket may be worth [default: gateway.max_ticket_ev of the config file, else 3000gwei]
    --max-total-ev: string    # Most all tickets of one segment may be worth [default: gateway.max_total_ev of the config file, else 20000gwei]
    --deposit-multiplier: string # How many winning tickets the deposit must cover [default: gateway.deposit_multiplier of the config file, else 1]
    --ffmpeg: path            # The ffmpeg to use, instead of the one on the search path
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gateway push color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    input: path               # Video to send
  ]

  def "nu-complete lpctl gateway key color" [] {
    [ "auto" "always" "never" ]
  }

  # Keys that let others send streams
  export extern "lpctl gateway key" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gateway key color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl gateway key new color" [] {
    [ "auto" "always" "never" ]
  }

  # Make an API key for whoever sends streams to a gateway
  export extern "lpctl gateway key new" [
    --name: string            # Name of the key, for the log
    --manifest-prefix: string # Only for streams whose names begin with this
    --max-streams: string     # Streams at once
    --max-pixels-per-second: string # Encoded pixels a second, on average over ten seconds
    --max-pixels-per-day: string # Encoded pixels a day; they come back evenly over the day
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl gateway key new color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl dashboard tab" [] {
    [ "overview" "sessions" "tickets" "gpus" "transcoders" "chain" "log" ]
  }

  def "nu-complete lpctl dashboard theme" [] {
    [ "auto" "dark" "light" "sixteen" "plain" ]
  }

  def "nu-complete lpctl dashboard color" [] {
    [ "auto" "always" "never" ]
  }

  # Watch nodes live: sessions, tickets, GPUs or CPU, transcoders, stake and round, log
  export extern "lpctl dashboard" [
    --all                     # All nodes of the config's [nodes]
    --tab: string@"nu-complete lpctl dashboard tab" # The tab to begin with
    --once                    # Print one frame and end
    --width: string           # Width of the frame in cells [default: this terminal's, or 80]
    --height: string          # Height of the frame in cells [default: 24]
    --watch: string           # Watch the node for so long before drawing, so that the charts have a past
    --svg: path               # Draw the frame into this file too, as SVG
    --theme: string@"nu-complete lpctl dashboard theme" # Colours
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl dashboard color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl exporter color" [] {
    [ "auto" "always" "never" ]
  }

  # Tell Prometheus how orchestrators stand and what they earned, from the chain alone
  export extern "lpctl exporter" [
    --orchestrator: string    # Orchestrator: a name or an address; repeat it for several [default: the account in use]
    --secondary: string       # Another account of the operator's, whose stake counts as own with the orchestrator it is with; may be repeated
    --listen: string          # Address to listen on
    --allow-remote: string    # Let other machines scrape it, and why: it tells which accounts are yours
    --interval: string        # Seconds from one reading of the chain to the next
    --from: string            # Block from which history is read: sums of all time begin there [default: the protocol's first]
    --ids: string             # Newest rewards and redemptions, and largest delegators, with series of their own
    --once                    # Read the chain once, print what would be told, and end
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl exporter color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl bench color" [] {
    [ "auto" "always" "never" ]
  }

  # Measure what this machine can do
  export extern "lpctl bench" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl bench color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl bench transcode preset" [] {
    [ "auto" "ultrafast" "superfast" "veryfast" "faster" "fast" "medium" "slow" "slower" "veryslow" "placebo" ]
  }

  def "nu-complete lpctl bench transcode fence" [] {
    [ "strict" "auto" "off" ]
  }

  def "nu-complete lpctl bench transcode color" [] {
    [ "auto" "always" "never" ]
  }

  # Measure how fast this machine transcodes and how many live sessions it carries
  export extern "lpctl bench transcode" [
    --draw: string            # Size and frame rate of the drawn clip
    --segment-seconds: string # Shortest segment, in seconds; it ends at the next key frame. Playlists have their own
    --ladder: string          # Renditions to make: presets, WIDTHxHEIGHT@BITRATE[@FPS], JSON, or a .json file
    --sessions: string        # Sessions at once: numbers to try one after the other, or `auto` to find how many are carried live
    --segments: string        # Segments measured in each session
    --live                    # Let segments come at playing pace instead of one after the other; `--sessions auto` does
    --arrive: string          # From a live segment's first byte to its last
    --gap: string             # Rest before each turn, in which the next ffmpeg can start [default: 250ms with --against, else none]
    --turn: string            # Segments of each session in one turn [default: with --gap or --against 1, for several sessions 4; else all]
    --preset: string@"nu-complete lpctl bench transcode preset" # How thoroughly to encode; with auto the engine chooses as it does in a node, and may refuse segments
    --encoder-threads: string # Threads of each encoder; with one, encoders repeat themselves byte for byte
    --against: path           # Measure a bare ffmpeg in turn: `ffmpeg` for the one on the search path, or a path
    --compare                 # Compare frames, time stamps and sizes of the renditions of both; with --encoder-threads 1 also the bytes
    --csv: path               # Write every segment as a line of a CSV file
    --write-config            # Store the number of live sessions as max_sessions in the config file, in the profile in use or the defaults
    --fence: string@"nu-complete lpctl bench transcode fence" # What to do where this kernel cannot fence ffmpeg off from files, sockets and programs
    --ffmpeg: path            # The ffmpeg to use, instead of the one on the search path
    --work-dir: directory     # Where segments are worked on [default: in memory, if there is room]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl bench transcode color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    input?: path              # Video or playlist to transcode; without it a clip is drawn
  ]

  def "nu-complete lpctl bench tickets color" [] {
    [ "auto" "always" "never" ]
  }

  # Measure how fast this machine checks tickets and keeps those that won
  export extern "lpctl bench tickets" [
    --tickets: string         # Tickets to check in each turn, rounded up to payments of 100
    --turns: string           # Turns of each side; the median counts
    --winners: string         # Winners to write; 0 for none
    --clients: string         # Gateways that send winners at the same time
    --folder: directory       # Folder on the disk to write to [default: that of the node's data]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl bench tickets color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl account color" [] {
    [ "auto" "always" "never" ]
  }

  # Make, import, list and choose the accounts that sign transactions
  export extern "lpctl account" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl account new color" [] {
    [ "auto" "always" "never" ]
  }

  # Make a new key, encrypted by a password
  export extern "lpctl account new" [
    --name: string            # Name to call it by
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account new color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl account import color" [] {
    [ "auto" "always" "never" ]
  }

  # Bring in a key from a keystore file or a private key
  export extern "lpctl account import" [
    --name: string            # Name to call it by
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account import color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    file: path                # Keystore file, or file with a private key; `-` reads standard input
  ]

  def "nu-complete lpctl account list color" [] {
    [ "auto" "always" "never" ]
  }

  # List the accounts on this machine
  export extern "lpctl account list" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account list color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl account show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show one account
  export extern "lpctl account show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Name, address or keystore file
  ]

  def "nu-complete lpctl account use color" [] {
    [ "auto" "always" "never" ]
  }

  # Choose the account commands act for
  export extern "lpctl account use" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account use color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which: string             # Name, address or keystore file
  ]

  def "nu-complete lpctl account sign color" [] {
    [ "auto" "always" "never" ]
  }

  # Sign a message, to prove that an account says it
  export extern "lpctl account sign" [
    --file: path              # File with the message; `-` reads standard input
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account sign color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    message?: string          # The message
  ]

  def "nu-complete lpctl account sign-typed color" [] {
    [ "auto" "always" "never" ]
  }

  # Sign typed data, after showing what it says
  export extern "lpctl account sign-typed" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account sign-typed color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    file: path                # File with the typed data; `-` reads standard input
  ]

  def "nu-complete lpctl account change-password color" [] {
    [ "auto" "always" "never" ]
  }

  # Encrypt an account's key with another password
  export extern "lpctl account change-password" [
    --new-password-file: path # File whose first line is the new password
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account change-password color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Name, address or keystore file; without it the account in use
  ]

  def "nu-complete lpctl account keyring color" [] {
    [ "auto" "always" "never" ]
  }

  # Keep an account's password in the desktop's keyring, or forget it there
  export extern "lpctl account keyring" [
    --forget                  # Forget it
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account keyring color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which?: string            # Name, address or keystore file; without it the account in use
  ]

  def "nu-complete lpctl account remove color" [] {
    [ "auto" "always" "never" ]
  }

  # Take an account out of the keystore; its file is kept aside
  export extern "lpctl account remove" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl account remove color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    which: string             # Name, address or keystore file
  ]

  def "nu-complete lpctl devnet color" [] {
    [ "auto" "always" "never" ]
  }

  # Run a whole Livepeer protocol on this machine: a real chain, the real contracts, funded accounts
  export extern "lpctl devnet" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl devnet up color" [] {
    [ "auto" "always" "never" ]
  }

  # Start a devnet, or go on with the one before
  export extern "lpctl devnet up" [
    --detach                  # Run in the background and return when it is ready
    --fresh                   # Forget the chain of the last time and start anew
    --port: string            # Port on 127.0.0.1; 0 takes a free one
    --round-length: string    # Blocks in a round; 50 for a new chain
    --block-time: string      # Seconds between blocks; without it every transaction makes a block at once
    --keep-rounds             # Open (initialise) every round as it comes
    --anvil: path             # An anvil of your own, used instead of the pinned one
    --background              # What `--detach` starts: leave the terminal for good
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet up color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl devnet down color" [] {
    [ "auto" "always" "never" ]
  }

  # Stop the devnet and keep its chain for the next time
  export extern "lpctl devnet down" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet down color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl devnet status color" [] {
    [ "auto" "always" "never" ]
  }

  # Show whether a devnet runs, its round, contracts and accounts
  export extern "lpctl devnet status" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet status color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl devnet mine color" [] {
    [ "auto" "always" "never" ]
  }

  # Mine blocks, or whole rounds, without waiting for them
  export extern "lpctl devnet mine" [
    --rounds: string          # How many round boundaries to cross instead
    --initialize              # Open the round the chain is in then, if nobody has; --rounds does it anyway
    --no-initialize           # Leave new rounds to be opened by somebody else
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet mine color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    blocks?: string           # How many blocks; 1 if nothing else is asked for
  ]

  def "nu-complete lpctl devnet fund color" [] {
    [ "auto" "always" "never" ]
  }

  # Give an account ETH and LPT out of nothing
  export extern "lpctl devnet fund" [
    --eth: string             # ETH to give, like 10eth
    --lpt: string             # LPT to give, like 1000
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet fund color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    account: string           # A role (orchestrator, second-orchestrator, delegator, gateway, treasury, deployer), an address or an account's name
  ]

  def "nu-complete lpctl devnet setup color" [] {
    [ "auto" "always" "never" ]
  }

  # Download what a devnet is made of, and nothing else
  export extern "lpctl devnet setup" [
    --anvil: path             # An anvil of your own, used instead of the pinned one
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl devnet setup color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl config color" [] {
    [ "auto" "always" "never" ]
  }

  # Show, check and change the configuration
  export extern "lpctl config" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl config color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl config show color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the settings in force and where each comes from
  export extern "lpctl config show" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl config show color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl config set key" [] {
    [ "profile" "network" "chain_id" "rpc_urls" "controller" "account" "password_file" "keystore_dir" "data_dir" "node_url" "node_token_file" "node_certificate" "max_gas_price" "max_sessions" "mode" "orch_addr" "service_addr" "orch_secret_file" "log_level" "transcode.cpu.preset" "transcode.cpu.slowest" "transcode.cpu.fastest" "transcode.cpu.headroom_percent" "orchestrator.region" "orchestrator.nodes" "orchestrator.peers" "orchestrator.object_store_file" "orchestrator.discovery_webhook" "alerts.webhook" "alerts.webhook_header_file" "alerts.program" "alerts.desktop" "alerts.repeat_minutes" "otel.endpoint" "operator.hosts" "operator.tls" "operator.certificate_file" "operator.key_file" "operator.token_file" "operator.get_writes" "reward.orchestrator" "reward.patient_gas_price" "reward.min_reward" "reward.lpt_per_eth" "reward.initialize_rounds" "reward.initialize_max_delay" "reward.alert_at" "reward.alert_webhook" "reward.alert_program" "payments.price" "payments.pixels_per_unit" "payments.ticket_ev" "payments.max_face_value" "payments.auto_adjust_price" "payments.price_feed" "gateway.http_addr" "gateway.rtmp_addr" "gateway.cli_addr" "gateway.http_ingest" "gateway.orchestrators" "gateway.orch_webhook" "gateway.ladder" "gateway.max_sessions" "gateway.auth_webhook" "gateway.keys_file" "gateway.log_file" "gateway.verify" "gateway.max_price" "gateway.max_ticket_ev" "gateway.max_total_ev" "gateway.deposit_multiplier" ]
  }

  def "nu-complete lpctl config set color" [] {
    [ "auto" "always" "never" ]
  }

  # Change one setting of a profile, or of the defaults
  export extern "lpctl config set" [
    --defaults                # Change the defaults of all profiles
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl config set color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    key: string@"nu-complete lpctl config set key" # What to set
    ...values: string         # Its value; several for rpc_urls and other lists
  ]

  def "nu-complete lpctl config check color" [] {
    [ "auto" "always" "never" ]
  }

  # Say whether the config file is understood
  export extern "lpctl config check" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl config check color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl config path color" [] {
    [ "auto" "always" "never" ]
  }

  # Print where the files are
  export extern "lpctl config path" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl config path color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl migrate color" [] {
    [ "auto" "always" "never" ]
  }

  # Come over from go-livepeer
  export extern "lpctl migrate" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl migrate color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl migrate flags color" [] {
    [ "auto" "always" "never" ]
  }

  # Show the config and the command that stand for a command line of go-livepeer
  export extern "lpctl migrate flags" [
    --file: path              # File that holds the command line, as a shell would read it; - for stdin
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl migrate flags color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl migrate import color" [] {
    [ "auto" "always" "never" ]
  }

  # Take over keys and unredeemed winning tickets of go-livepeer
  export extern "lpctl migrate import" [
    --data-dir: directory     # The node's own files [default: `node` in lpctl's data folder]
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl migrate import color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    folder: directory         # Data folder of go-livepeer: with `keystore` and `lpdb.sqlite3`
  ]

  def "nu-complete lpctl explain color" [] {
    [ "auto" "always" "never" ]
  }

  # Explain an error code, a setting of the config file, an option or a metric
  export extern "lpctl explain" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl explain color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    name?: string             # Name of a code, a setting, an option or a metric; without it all names are listed
  ]

  def "nu-complete lpctl menu color" [] {
    [ "auto" "always" "never" ]
  }

  # Choose what to do from a menu
  export extern "lpctl menu" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl menu color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
  ]

  def "nu-complete lpctl completions shell" [] {
    [ "bash" "zsh" "fish" "elvish" "powershell" "nushell" ]
  }

  def "nu-complete lpctl completions color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the script that completes lpctl's commands and values in your shell
  export extern "lpctl completions" [
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl completions color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    shell: string@"nu-complete lpctl completions shell" # Shell to write for
  ]

  def "nu-complete lpctl man color" [] {
    [ "auto" "always" "never" ]
  }

  # Print the manual page
  export extern "lpctl man" [
    --out: directory          # Write the pages of all commands into this folder instead
    --profile: string         # Section of the config file to use
    --config: path            # Config file to read
    --network: string         # Network: arbitrum-one, devnet, offchain, or a name of your own with --controller
    --rpc-url: string         # JSON-RPC endpoint; repeat it for failover
    --controller: string      # Address of the protocol's Controller contract
    --account: string         # Account to act for: a name, an address or a keystore file
    --password-file: path     # File whose first line unlocks the account
    --node: string            # Operator API of a running node, or its name in the config's [nodes]; repeat it for `lpctl node`
    --json                    # Print one JSON envelope instead of text
    --yes(-y)                 # Answer every question with yes
    --dry-run                 # Stop before anything is signed or sent
    --max-gas-price: string   # Do not send while gas costs more than this, like 0.1gwei
    --verbose(-v)             # Say more; repeat it for still more
    --quiet(-q)               # Say nothing but the answer and failures
    --color: string@"nu-complete lpctl man color" # When to use colour
    --help(-h)                # Print help (see more with '--help')
    ...command: string        # Command whose page to print
  ]

}

export use completions *
