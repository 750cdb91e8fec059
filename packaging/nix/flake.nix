# nix build 'git+file:///path/to/graceshim?dir=packaging/nix'
{
  description = "Init shim that stops a command the way that command finishes its work";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "armv7l-linux"
        "i686-linux"
        "riscv64-linux"
      ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = forEach (pkgs: rec {
        graceshim = pkgs.callPackage ./package.nix { };
        default = graceshim;
      });
    };
}
