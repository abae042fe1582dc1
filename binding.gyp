# The build is native/CMakeLists.txt, run by scripts/build-addon.mjs; this lets tools that know only node-gyp start it.
{
  "targets": [
    {
      "target_name": "starling_rm",
      "type": "none",
      "actions": [
        {
          "action_name": "build_addon",
          "inputs": ["scripts/build-addon.mjs", "native/CMakeLists.txt"],
          "outputs": ["build/Release/starling_rm.node"],
          "action": ["node", "scripts/build-addon.mjs"]
        }
      ]
    }
  ]
}
